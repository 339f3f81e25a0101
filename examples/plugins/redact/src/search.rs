//! Finds personal data in texts by their form. The time it takes grows with the length of a text only.

use serde::Deserialize;

/// What stands in place of what was masked.
pub const MASK: &str = "***";

/// What is searched for.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq)]
#[serde(rename_all = "lowercase")]
pub enum Pattern {
    /// `name@host.example`. The host stays: it tells the company or the provider.
    Email,
    /// `+` and 7 to 15 digits, or `0` and 9 or more, with what people put between them. The last two digits stay.
    Phone,
    /// 13 to 19 digits that begin as those of cards do and have the right check digit (ISO/IEC 7812-1, Annex B). The
    /// last four stay.
    Card,
}

type Search = fn(&str) -> Option<String>;

/// The text with all that was found masked; none if nothing was found.
pub fn masked(patterns: &[Pattern], text: &str) -> Option<String> {
    let mut masked = None;
    // Cards before telephone numbers: of both side by side, the second would take a part of the first.
    let searches: [(Pattern, Search); 3] = [
        (Pattern::Email, mask_emails),
        (Pattern::Card, |text| mask_numbers(text, 4, is_card)),
        (Pattern::Phone, |text| mask_numbers(text, 2, is_phone)),
    ];
    for (_, search) in searches.iter().filter(|(pattern, _)| patterns.contains(pattern)) {
        masked = search(masked.as_deref().unwrap_or(text)).or(masked);
    }
    masked
}

fn mask_emails(text: &str) -> Option<String> {
    let is_local = |c: char| c.is_alphanumeric() || "!#$%&'*+-/=?^_`{|}~.".contains(c);
    let is_host = |c: char| c.is_alphanumeric() || c == '-' || c == '.';
    let (mut masked, mut done) = (String::new(), 0);
    for (at, _) in text.match_indices('@') {
        let before = &text[done..at];
        let kept = before.trim_end_matches(is_local);
        let after = &text[at + 1..];
        let host = &after[..after.find(|c| !is_host(c)).unwrap_or(after.len())];
        let mut labels = host.trim_end_matches(['.', '-']).split('.');
        let is_domain = host.contains('.') && labels.clone().count() > 1 && labels.all(|label| !label.is_empty());
        if kept.len() < before.len() && is_domain {
            masked.push_str(kept);
            masked.push_str(MASK);
            done = at;
        }
    }
    (done > 0).then(|| masked + &text[done..])
}

/// Digits that stand together.
struct Group {
    start: usize,
    end: usize,
}

/// Digits in groups, with what may stand between them.
struct Number<'a> {
    digits: &'a str,
    /// A `+` stands before them.
    is_international: bool,
    groups: &'a [Group],
}

/// The longest numbers, those of cards, in digits.
const DIGITS_MAX: usize = 19;

/// Masks the numbers for which `wanted` holds, all but the last `shown` digits.
fn mask_numbers(text: &str, shown: usize, wanted: fn(&Number<'_>) -> bool) -> Option<String> {
    let groups = groups(text);
    let (mut masked, mut done, mut at) = (String::new(), 0, 0);
    while at < groups.len() {
        let Some((start, count, digits)) = longest(text, &groups[at..], wanted) else {
            at += 1;
            continue;
        };
        masked.push_str(&text[done..start]);
        masked.push_str(MASK);
        masked.push_str(&digits[digits.len() - shown..]);
        at += count;
        done = groups[at - 1].end;
    }
    (done > 0).then(|| masked + &text[done..])
}

/// The groups of digits that are not part of a word, such as an identifier.
fn groups(text: &str) -> Vec<Group> {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let mut groups = Vec::new();
    let mut at = 0;
    while let Some(found) = text[at..].find(|c: char| c.is_ascii_digit()) {
        let start = at + found;
        let end = text[start..].find(|c: char| !c.is_ascii_digit()).map_or(text.len(), |length| start + length);
        if !text[..start].ends_with(is_word) && !text[end..].starts_with(is_word) {
            groups.push(Group { start, end });
        }
        at = end;
    }
    groups
}

/// The longest number for which `wanted` holds that begins with the first group: where it starts, how many groups it
/// has, and its digits.
fn longest(text: &str, groups: &[Group], wanted: fn(&Number<'_>) -> bool) -> Option<(usize, usize, String)> {
    let first = groups.first()?.start;
    let is_international = text[..first].ends_with('+');
    let start = first - usize::from(is_international);
    if !text[..start].chars().next_back().is_none_or(is_break) {
        return None;
    }
    let (mut digits, mut longest) = (String::new(), None);
    for (number, group) in groups.iter().enumerate() {
        let joined = number == 0 || is_joint(&text[groups[number - 1].end..group.start]);
        if !joined || digits.len() + (group.end - group.start) > DIGITS_MAX {
            break;
        }
        digits.push_str(&text[group.start..group.end]);
        let count = number + 1;
        if wanted(&Number { digits: &digits, is_international, groups: &groups[..count] }) {
            longest = Some((start, count, digits.clone()));
        }
    }
    longest
}

/// Whether a number may begin after this character. After others, such as `/`, it is part of an address or a name.
fn is_break(c: char) -> bool {
    c.is_whitespace() || ",;:=()[]{}<>\"'|!?*".contains(c)
}

/// Whether a text may stand between two groups of one number.
fn is_joint(between: &str) -> bool {
    between.len() <= 3 && between.chars().all(|c| " \u{a0}-./()".contains(c))
}

fn is_card(number: &Number<'_>) -> bool {
    let begins = number.digits.starts_with(['2', '3', '4', '5', '6']);
    !number.is_international && begins && number.digits.len() >= 13 && has_check_digit(number.digits)
}

fn is_phone(number: &Number<'_>) -> bool {
    if number.is_international {
        return (7..=15).contains(&number.digits.len());
    }
    let lengths: Vec<usize> = number.groups.iter().map(|group| group.end - group.start).collect();
    let is_date = lengths.starts_with(&[2, 2, 4]);
    number.digits.starts_with('0') && lengths.first() > Some(&1) && !is_date && (9..=15).contains(&number.digits.len())
}

/// The check of ISO/IEC 7812-1, Annex B (Luhn).
fn has_check_digit(digits: &str) -> bool {
    let value = |(at, digit): (usize, u8)| match u32::from(digit - b'0') {
        digit if at % 2 == 0 => digit,
        digit if digit > 4 => 2 * digit - 9,
        digit => 2 * digit,
    };
    digits.bytes().rev().enumerate().map(value).sum::<u32>() % 10 == 0
}
