//! Addresses: what one must have, and the lines that are printed.

/// An address as people gave it, trimmed; a part that is not there is empty.
pub struct Address {
    pub name: String,
    pub company: String,
    pub street: String,
    pub city: String,
    pub region: String,
    /// In upper case.
    pub postcode: String,
    /// ISO 3166-1 alpha-2, in upper case.
    pub country: String,
}

/// Where the postcode stands.
#[derive(Clone, Copy, PartialEq)]
enum Place {
    /// `10115 Berlin`
    BeforeCity,
    /// On a line of its own, after the city.
    OwnLine,
    /// `Springfield IL 62701`: after the city and the region.
    AfterRegion,
}

struct Country {
    code: &'static str,
    /// As it is printed on mail from abroad.
    name: &'static str,
    place: Place,
    /// Its postcodes: `9` is a digit, `A` a letter.
    postcodes: &'static [&'static str],
}

/// The countries that this plugin can address. Add yours.
const COUNTRIES: &[Country] = &[
    country("AT", "AUSTRIA", Place::BeforeCity, &["9999"]),
    country("CH", "SWITZERLAND", Place::BeforeCity, &["9999"]),
    country("DE", "GERMANY", Place::BeforeCity, &["99999"]),
    country("DK", "DENMARK", Place::BeforeCity, &["9999"]),
    country("FR", "FRANCE", Place::BeforeCity, &["99999"]),
    country(
        "GB",
        "UNITED KINGDOM",
        Place::OwnLine,
        &["A9 9AA", "A99 9AA", "AA9 9AA", "AA99 9AA", "A9A 9AA", "AA9A 9AA"],
    ),
    country("NL", "NETHERLANDS", Place::BeforeCity, &["9999 AA"]),
    country("NO", "NORWAY", Place::BeforeCity, &["9999"]),
    country("SE", "SWEDEN", Place::BeforeCity, &["999 99"]),
    country("US", "UNITED STATES OF AMERICA", Place::AfterRegion, &["99999", "99999-9999"]),
];

const fn country(code: &'static str, name: &'static str, place: Place, postcodes: &'static [&'static str]) -> Country {
    Country { code, name, place, postcodes }
}

/// What fits on one line of a card, in characters.
const LINE_CHARS_MAX: usize = 40;

impl Address {
    /// The lines as they are printed on a card posted in the country `posted_in`.
    ///
    /// # Errors
    /// All that is wrong with the address.
    pub fn lines(&self, posted_in: &str) -> Result<Vec<String>, Vec<String>> {
        let mut problems = self.missing();
        let country = COUNTRIES.iter().find(|country| country.code == self.country);
        match country {
            Some(country) => problems.extend(self.misfits(country)),
            None if self.country.is_empty() => {}
            None => {
                let known: Vec<_> = COUNTRIES.iter().map(|country| country.code).collect();
                problems.push(format!("country {:?} is none of {}", self.country, known.join(", ")));
            }
        }
        let lines = country.map(|country| self.block(country, posted_in)).unwrap_or_default();
        let fits = |line: &&String| line.chars().count() <= LINE_CHARS_MAX && !line.contains(char::is_control);
        let misfits = lines.iter().filter(|line| !fits(line));
        problems.extend(misfits.map(|line| format!("{line:?} does not fit on a line of {LINE_CHARS_MAX} characters")));
        if problems.is_empty() { Ok(lines) } else { Err(problems) }
    }

    fn missing(&self) -> Vec<String> {
        let name = if self.name.is_empty() { &self.company } else { &self.name };
        let parts = [
            ("name or company", name),
            ("street", &self.street),
            ("city", &self.city),
            ("postcode", &self.postcode),
            ("country", &self.country),
        ];
        parts.iter().filter(|(_, part)| part.is_empty()).map(|(what, _)| format!("{what} is missing")).collect()
    }

    fn misfits(&self, country: &Country) -> Vec<String> {
        let mut problems = Vec::new();
        let is_known = country.postcodes.iter().any(|pattern| is_like(&self.postcode, pattern));
        if !self.postcode.is_empty() && !is_known {
            let patterns = country.postcodes.join(" or ");
            problems
                .push(format!("postcode {:?} is none of {}, which are like {patterns}", self.postcode, country.code));
        }
        if country.place == Place::AfterRegion && self.region.is_empty() {
            problems.push(format!("region is missing, and {} needs it", country.code));
        }
        problems
    }

    fn block(&self, country: &Country, posted_in: &str) -> Vec<String> {
        let Self { name, company, street, city, region, postcode, .. } = self;
        let mut lines = vec![name.clone(), company.clone(), street.clone()];
        match country.place {
            Place::BeforeCity => lines.push(format!("{postcode} {city}")),
            Place::OwnLine => lines.extend([city.to_uppercase(), postcode.clone()]),
            Place::AfterRegion => lines.push(format!("{city} {region} {postcode}").to_uppercase()),
        }
        if country.code != posted_in {
            lines.push(country.name.to_owned());
        }
        lines.retain(|line| !line.is_empty());
        lines
    }
}

/// Whether a text is like a pattern, in which `9` is a digit and `A` a letter.
fn is_like(text: &str, pattern: &str) -> bool {
    let fits = |(found, wanted): (char, char)| match wanted {
        '9' => found.is_ascii_digit(),
        'A' => found.is_ascii_uppercase(),
        other => found == other,
    };
    text.chars().count() == pattern.len() && text.chars().zip(pattern.chars()).all(fits)
}
