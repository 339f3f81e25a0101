//! Checks of what a caller gives: the URL and the headers.

use http::{HeaderMap, HeaderName, HeaderValue, header};
use url::{Host, Url};

use super::{EgressPolicy, SendError, URL_BYTES_MAX};
use crate::model::HeaderField;

/// Headers that the client sets itself, or that would change the framing of the message (RFC 9110 §7.6, RFC 9112 §6).
const OWN_HEADERS: [HeaderName; 8] = [
    header::HOST,
    header::CONTENT_LENGTH,
    header::TRANSFER_ENCODING,
    header::CONNECTION,
    header::UPGRADE,
    header::TE,
    header::TRAILER,
    header::EXPECT,
];

/// The parsed URL: absolute, http or https, without user and password, and no literal address that is refused. The
/// `url` crate normalises every notation of an IPv4 address (decimal, octal, hexadecimal, short) to the dotted one.
pub(super) fn check_url(policy: &EgressPolicy, text: &str) -> Result<Url, SendError> {
    let refuse = |reason: &str| SendError::BadUrl { url: without_query(text), reason: reason.to_owned() };
    if text.len() > URL_BYTES_MAX {
        return Err(refuse(&format!("it has more than {URL_BYTES_MAX} bytes")));
    }
    let mut url = Url::parse(text).map_err(|error| refuse(&error.to_string()))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(refuse("only http and https can be called"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(refuse("it holds a user name or password; send an Authorization header instead"));
    }
    url.set_fragment(None);
    match url.host() {
        Some(Host::Ipv4(address)) => policy.vet(&address.to_string(), address.into())?,
        Some(Host::Ipv6(address)) => policy.vet(&format!("[{address}]"), address.into())?,
        Some(Host::Domain(name)) if !name.is_empty() => {}
        _ => return Err(refuse("it names no host")),
    }
    Ok(url)
}

/// A URL for messages: queries may hold secrets.
fn without_query(url: &str) -> String {
    url.split(['?', '#']).next().unwrap_or_default().chars().take(200).collect()
}

/// The headers as the HTTP library takes them. A name may come several times.
pub(super) fn check_headers(fields: &[HeaderField]) -> Result<HeaderMap, SendError> {
    let mut headers = HeaderMap::with_capacity(fields.len() + 2);
    for field in fields {
        let refuse = |reason| SendError::BadHeader { name: field.name.clone(), reason };
        let name: HeaderName = field.name.parse().map_err(|_| refuse("its name is not a token (RFC 9110 §5.1)"))?;
        if OWN_HEADERS.contains(&name) || name.as_str().starts_with("proxy-conn") || name == "keep-alive" {
            return Err(refuse("it is set by the client"));
        }
        let value = HeaderValue::from_str(&field.value)
            .or_else(|_| bytes_without_controls(&field.value))
            .map_err(|_| refuse("its value holds a control character"))?;
        headers.append(name, value);
    }
    Ok(headers)
}

/// Text beyond ASCII travels as UTF-8; line breaks and other control characters do not travel.
fn bytes_without_controls(value: &str) -> Result<HeaderValue, http::header::InvalidHeaderValue> {
    HeaderValue::from_bytes(value.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(url: &str) -> Option<&'static str> {
        check_url(&EgressPolicy::default(), url).err().map(|error| error.code())
    }

    #[test]
    fn only_http_urls_with_a_host_and_without_credentials_are_called() {
        for bad in [
            "",
            "/path",
            "example.org",
            "ftp://example.org/",
            "file:///etc/passwd",
            "data:,x",
            "http://",
            "http://user@example.org/",
            "http://:pw@example.org/",
            "https://u:p@example.org/",
            "http://exa mple.org/",
            "http://[::1",
            "http://example.org:99999/",
            "gopher://example.org/",
        ] {
            assert_eq!(refusal(bad), Some("bad-url"), "{bad}");
        }
        for good in
            ["http://example.org", "https://example.org:8443/a?b=c#d", "http://bücher.example/", "HTTP://EXAMPLE.ORG/"]
        {
            assert_eq!(refusal(good), None, "{good}");
        }
    }

    #[test]
    fn a_literal_address_is_refused_in_every_notation() {
        for url in [
            "http://127.0.0.1/",
            "http://127.1/",
            "http://127.0.1/",
            "http://2130706433/",
            "http://0x7f000001/",
            "http://0x7f.1/",
            "http://0177.0.0.1/",
            "http://017700000001/",
            "http://127.0.0.1./",
            "http://[::1]/",
            "http://[0:0:0:0:0:0:0:1]/",
            "http://[::ffff:127.0.0.1]/",
            "http://[::ffff:7f00:1]/",
            "http://[::127.0.0.1]/",
            "http://[64:ff9b::127.0.0.1]/",
            "http://[2002:7f00:1::]/",
            "http://0/",
            "http://①②⑦.0.0.1/",
            "http://%31%32%37.0.0.1/",
            "http://169.254.169.254/latest/meta-data/",
            "http://2852039166/",
            "http://[fd00:ec2::254]/",
            "http://10.0.0.1:8080/",
            "http://[fe80::1]/",
        ] {
            assert_eq!(refusal(url), Some("forbidden-target"), "{url}");
        }
        assert_eq!(refusal("http://8.8.8.8/"), None);
        assert_eq!(refusal("http://[2606:4700::1111]/"), None);
    }

    #[test]
    fn an_error_about_a_url_does_not_show_its_query() {
        let error = check_url(&EgressPolicy::default(), "ftp://example.org/x?token=s3cret").expect_err("no http");
        assert_eq!(
            error.to_string(),
            "the URL \"ftp://example.org/x\" cannot be called: only http and https can be called"
        );
    }

    #[test]
    fn headers_that_would_split_or_frame_the_message_are_refused() {
        let one = |name: &str, value: &str| {
            check_headers(&[HeaderField { name: name.to_owned(), value: value.to_owned() }])
                .err()
                .map(|error| error.to_string())
        };
        for (name, value) in [
            ("X-A", "a\r\nX-B: b"),
            ("X-A", "a\nb"),
            ("X-A", "a\0"),
            ("X A", "a"),
            ("", "a"),
            ("X-A:", "a"),
            ("X-Ä", "a"),
            ("X\r\nY", "a"),
            ("Host", "a"),
            ("content-length", "1"),
            ("Transfer-Encoding", "chunked"),
            ("Connection", "close"),
            ("Keep-Alive", "x"),
            ("Proxy-Connection", "x"),
            ("Upgrade", "h2c"),
            ("Expect", "100-continue"),
        ] {
            assert!(one(name, value).is_some(), "{name:?}: {value:?} must be refused");
        }
        assert_eq!(one("X-A", "Grüße"), None);
        assert_eq!(one("X-A", ""), None);
        assert_eq!(one("X-A", "tab\there"), None);
    }
}
