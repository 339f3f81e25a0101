//! Exceptions to what calls to the outside may reach.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use ipnet::IpNet;

/// Permits what would be refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AllowRule {
    /// Every address in this network: `10.20.0.0/16`, `fd00::/8`, or one address.
    Network(IpNet),
    /// This host name, in lower case, whatever it resolves to: `crm.internal`.
    Host(String),
    /// Every name below this one: `*.corp.example`.
    Below(String),
}

/// A text is no allow rule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no allow rule: write a network (10.20.0.0/16), an address, a host name, or *.domain")]
pub struct BadAllowRule(String);

impl FromStr for AllowRule {
    type Err = BadAllowRule;

    fn from_str(text: &str) -> Result<Self, BadAllowRule> {
        if let Ok(net) = text.parse::<IpNet>() {
            return Ok(Self::Network(net.trunc()));
        }
        if let Ok(address) = text.parse::<IpAddr>() {
            return Ok(Self::Network(address.into()));
        }
        let (below, name) = text.strip_prefix("*.").map_or((false, text), |name| (true, name));
        match url::Host::parse(name) {
            Ok(url::Host::Domain(domain)) if !name.is_empty() && !domain.contains('*') => {
                // `example.org.` names the same host as `example.org`.
                let domain = domain.strip_suffix('.').unwrap_or(&domain).to_owned();
                Ok(if below { Self::Below(domain) } else { Self::Host(domain) })
            }
            _ => Err(BadAllowRule(text.to_owned())),
        }
    }
}

impl fmt::Display for AllowRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Network(net) => net.fmt(f),
            Self::Host(name) => f.write_str(name),
            Self::Below(name) => write!(f, "*.{name}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_that_is_no_rule_is_refused() {
        for bad in ["", "*", "*.", "10.0.0.0/33", "a b", "a/b", "*.*.x", "http://x", "x:80", "0x7f.1", "127.1", "*.1"] {
            assert!(bad.parse::<AllowRule>().is_err(), "{bad:?} must be refused");
        }
        for good in ["10.20.0.0/16", "fd00::/8", "::1/128", "crm.internal", "*.corp.example"] {
            assert_eq!(good.parse::<AllowRule>().expect("a rule").to_string(), good);
        }
    }
}
