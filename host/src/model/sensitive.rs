//! Which names of headers and query parameters say that their values are secret.

/// What stands for a secret.
pub const MASK: &str = "***";
/// A name with such a word in it is sensitive.
const SENSITIVE_WORDS: [&str; 8] =
    ["authorization", "cookie", "api-key", "apikey", "token", "secret", "password", "credential"];

/// Whether the value of a header or query parameter of this name is kept from history. Case does not matter, and `_`
/// counts as `-`.
pub fn is_sensitive(name: &str) -> bool {
    let name = name.to_ascii_lowercase().replace('_', "-");
    SENSITIVE_WORDS.iter().any(|word| name.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_sensitive_by_its_words_in_any_case_and_spelling() {
        for name in [
            "Authorization",
            "proxy-authorization",
            "Set-Cookie",
            "X-API-Key",
            "api_key",
            "apikey",
            "access_token",
            "X-Gitlab-Token",
            "client_secret",
            "PASSWORD",
            "x-amz-credential",
        ] {
            assert!(is_sensitive(name), "{name}");
        }
        for name in ["", "content-type", "key", "campaign", "x-request-id", "author"] {
            assert!(!is_sensitive(name), "{name}");
        }
    }
}
