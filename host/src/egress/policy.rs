//! The guard's policy: which addresses may be called.

use std::net::IpAddr;

use super::Forbidden;
use super::address::{Reach, holds, reach};
use crate::model::AllowRule;

/// `example.org.` names the same host as `example.org`.
fn without_root(host: &str) -> &str {
    host.strip_suffix('.').unwrap_or(host)
}

/// Which addresses may be called. The default: those of the public internet.
#[derive(Clone, Debug, Default)]
pub struct EgressPolicy {
    /// Also private networks, this machine and link-local addresses, but no metadata services: those hand out
    /// credentials, so only a rule that names them permits them.
    pub allow_private: bool,
    /// Exceptions.
    pub allow: Vec<AllowRule>,
}

impl EgressPolicy {
    /// Vets one address of `host` (a name or the address itself, as the URL writes it, normalised).
    pub(super) fn vet(&self, host: &str, address: IpAddr) -> Result<(), Forbidden> {
        let why = match reach(address) {
            Reach::Public => return Ok(()),
            Reach::Private(_) if self.allow_private => return Ok(()),
            Reach::Private(why) | Reach::Never(why) => why,
        };
        if self.allow.iter().any(|rule| permits(rule, without_root(host), address)) {
            return Ok(());
        }
        Err(Forbidden { target: host.to_owned(), address, why })
    }
}

fn permits(rule: &AllowRule, host: &str, address: IpAddr) -> bool {
    match rule {
        AllowRule::Network(net) => holds(net, address),
        AllowRule::Host(name) => name.eq_ignore_ascii_case(host),
        AllowRule::Below(domain) => {
            let start = host.len().saturating_sub(domain.len());
            start > 1
                && host.is_char_boundary(start)
                && host[start..].eq_ignore_ascii_case(domain)
                && host.as_bytes()[start - 1] == b'.'
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(allow_private: bool, rules: &[&str]) -> EgressPolicy {
        EgressPolicy { allow_private, allow: rules.iter().map(|text| text.parse().expect("a rule")).collect() }
    }

    fn allows(policy: &EgressPolicy, host: &str, address: &str) -> bool {
        policy.vet(host, address.parse().expect("an address")).is_ok()
    }

    #[test]
    fn by_default_only_public_addresses_are_allowed() {
        let policy = EgressPolicy::default();
        assert!(allows(&policy, "example.org", "93.184.215.14"));
        assert!(!allows(&policy, "example.org", "10.0.0.1"));
        let error = policy.vet("crm", "10.0.0.1".parse().expect("an address")).expect_err("private");
        assert_eq!(
            error.to_string(),
            "crm is refused: 10.0.0.1 is a private network (RFC 1918); an allow rule in the egress configuration can permit it"
        );
    }

    #[test]
    fn allowing_private_networks_does_not_open_metadata_services() {
        let policy = policy(true, &[]);
        for address in ["127.0.0.1", "10.0.0.1", "::1", "fd12::1", "169.254.1.1", "100.64.0.1"] {
            assert!(allows(&policy, "x", address), "{address}");
        }
        for address in ["169.254.169.254", "::ffff:169.254.169.254", "224.0.0.1", "0.0.0.0", "255.255.255.255"] {
            assert!(!allows(&policy, "x", address), "{address}");
        }
    }

    #[test]
    fn a_rule_opens_what_it_names_and_nothing_else() {
        let policy =
            policy(false, &["10.1.0.0/16", "192.168.0.7", "crm.internal", "*.corp.example", "169.254.169.254"]);
        for (host, address) in [
            ("x", "10.1.2.3"),
            ("x", "::ffff:10.1.2.3"),
            ("x", "192.168.0.7"),
            ("crm.internal", "172.16.0.1"),
            ("CRM.internal.", "172.16.0.1"),
            ("a.corp.example", "127.0.0.1"),
            ("a.b.Corp.example.", "127.0.0.1"),
            ("x", "169.254.169.254"),
        ] {
            assert!(allows(&policy, host, address), "{host} {address}");
        }
        for (host, address) in [
            ("x", "10.2.0.1"),
            ("x", "192.168.0.8"),
            ("crm.internal.evil.org", "172.16.0.1"),
            ("evilcorp.example", "127.0.0.1"),
            ("corp.example", "127.0.0.1"),
            (".corp.example", "127.0.0.1"),
        ] {
            assert!(!allows(&policy, host, address), "{host} {address}");
        }
    }
}
