//! How many segments a text has (3GPP TS 23.038 and TS 23.040).

/// What the default alphabet has beside ASCII (TS 23.038 §6.2.1). Each takes one place.
const OTHERS: &str = "£¥èéùìòÇØøÅåΔΦΓΛΩΠΨΣΘΞÆæßÉ¤¡ÄÖÑÜ§¿äöñüà";

/// The places that a character takes in the default alphabet: two for one of the extension table (§6.2.1.1), which
/// needs an escape. None if the alphabet does not have it: then the whole text is sent in UCS-2.
fn places(c: char) -> Option<usize> {
    match c {
        '^' | '{' | '}' | '\\' | '[' | '~' | ']' | '|' | '\u{c}' | '€' => Some(2),
        '`' => None,
        ' '..='~' | '\n' | '\r' => Some(1),
        c => OTHERS.contains(c).then_some(1),
    }
}

/// The number of segments of a text. One that is alone holds 160 places, or 70 units of UCS-2; one of several holds
/// 153 or 67, as its header takes the rest. No character is split.
pub fn segments(text: &str) -> usize {
    match text.chars().map(places).collect::<Option<Vec<_>>>() {
        Some(sizes) => count(&sizes, 160, 153),
        None => count(&text.chars().map(char::len_utf16).collect::<Vec<_>>(), 70, 67),
    }
}

fn count(sizes: &[usize], alone: usize, one_of_several: usize) -> usize {
    if sizes.iter().sum::<usize>() <= alone {
        return usize::from(!sizes.is_empty());
    }
    let (mut segments, mut used) = (1, 0);
    for size in sizes {
        if used + size > one_of_several {
            (segments, used) = (segments + 1, 0);
        }
        used += size;
    }
    segments
}
