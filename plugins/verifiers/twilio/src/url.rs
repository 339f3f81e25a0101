//! The URL as Twilio may have signed it.

/// Scheme with `://`, host, port with colon (or nothing), and the rest, all as they stand.
fn split(url: &str) -> Option<(&str, &str, &str, &str)> {
    let after_scheme = url.find("://")? + 3;
    let (scheme, rest) = url.split_at(after_scheme);
    let (authority, rest) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    // A colon inside the brackets of an IPv6 address begins no port.
    let host_end = authority.rfind(']').map_or(0, |at| at + 1);
    let port = authority[host_end..].find(':').map_or(authority.len(), |at| host_end + at);
    let (host, port) = authority.split_at(port);
    Some((scheme, host, port, rest))
}

/// The URL without a port, and with one: its own, else that of its scheme.
pub fn variants(url: &str) -> [String; 2] {
    let Some((scheme, host, port, rest)) = split(url) else { return [url.to_owned(), url.to_owned()] };
    let port = match port {
        "" if scheme.eq_ignore_ascii_case("https://") => ":443",
        "" => ":80",
        port => port,
    };
    [format!("{scheme}{host}{rest}"), format!("{scheme}{host}{port}{rest}")]
}

/// What a refusal tells of the URL: scheme, host and port. The path is the key of the trigger.
pub fn shown(url: &str) -> String {
    let Some((scheme, host, port, _)) = split(url) else { return "the trigger's URL".to_owned() };
    format!("{scheme}{host}{port}/…, in just that spelling")
}
