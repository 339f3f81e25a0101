//! What kind of address an address is: the special-purpose registries of IANA (RFC 6890 and its updates), as a table.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

/// How far an address reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reach {
    /// A host of the public internet.
    Public,
    /// A host of some inner network, or this one: a setting can permit all of these.
    Private(&'static str),
    /// A metadata service of a cloud, or no host at all: only an allow rule that names it permits it.
    Never(&'static str),
}

const METADATA: Reach = Reach::Never("a metadata service of a cloud provider");
const RESERVED: Reach = Reach::Never("reserved (IANA)");
const TUNNEL: Reach = Reach::Never("a tunnel address (6to4 or Teredo)");
const DOCUMENTATION: Reach = Reach::Never("a documentation address (RFC 5737, RFC 3849, RFC 9637)");

const fn v4(a: u8, b: u8, c: u8, d: u8, prefix: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), prefix)
}

const fn v6(s: [u16; 8], prefix: u8) -> Ipv6Net {
    Ipv6Net::new_assert(Ipv6Addr::new(s[0], s[1], s[2], s[3], s[4], s[5], s[6], s[7]), prefix)
}

/// First match wins.
const TABLE_V4: [(Ipv4Net, Reach); 22] = [
    (v4(169, 254, 169, 254, 32), METADATA), // AWS, Azure, GCP, OpenStack, Oracle, DigitalOcean
    (v4(169, 254, 170, 2, 32), METADATA),   // AWS ECS task credentials
    (v4(169, 254, 170, 23, 32), METADATA),  // AWS EKS pod identity
    (v4(100, 100, 100, 200, 32), METADATA), // Alibaba
    (v4(168, 63, 129, 16, 32), METADATA),   // Azure's virtual public address of the platform
    (v4(192, 0, 0, 192, 32), METADATA),     // Oracle, former
    (v4(0, 0, 0, 0, 8), Reach::Never("an unspecified address, \"this network\" (RFC 791)")),
    (v4(10, 0, 0, 0, 8), Reach::Private("a private network (RFC 1918)")),
    (v4(100, 64, 0, 0, 10), Reach::Private("a carrier's shared network (RFC 6598)")),
    (v4(127, 0, 0, 0, 8), Reach::Private("this machine (loopback)")),
    (v4(169, 254, 0, 0, 16), Reach::Private("link-local (RFC 3927)")),
    (v4(172, 16, 0, 0, 12), Reach::Private("a private network (RFC 1918)")),
    (v4(192, 0, 0, 0, 24), RESERVED),
    (v4(192, 0, 2, 0, 24), DOCUMENTATION),
    (v4(192, 88, 99, 0, 24), TUNNEL),
    (v4(192, 168, 0, 0, 16), Reach::Private("a private network (RFC 1918)")),
    (v4(198, 18, 0, 0, 15), Reach::Private("a benchmarking network (RFC 2544)")),
    (v4(198, 51, 100, 0, 24), DOCUMENTATION),
    (v4(203, 0, 113, 0, 24), DOCUMENTATION),
    (v4(224, 0, 0, 0, 4), Reach::Never("multicast")),
    (v4(255, 255, 255, 255, 32), Reach::Never("broadcast")),
    (v4(240, 0, 0, 0, 4), RESERVED),
];

/// First match wins. What is not listed and lies outside 2000::/3 (global unicast, RFC 4291) is reserved.
const TABLE_V6: [(Ipv6Net, Reach); 15] = [
    (v6([0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254], 128), METADATA), // AWS
    (v6([0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x23], 128), METADATA),  // AWS EKS pod identity
    (v6([0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254], 128), METADATA),  // GCP
    (v6([0; 8], 128), Reach::Never("the unspecified address")),
    (v6([0, 0, 0, 0, 0, 0, 0, 1], 128), Reach::Private("this machine (loopback)")),
    (v6([0x64, 0xff9b, 1, 0, 0, 0, 0, 0], 48), Reach::Private("a local translation prefix (RFC 8215)")),
    (v6([0xfc00, 0, 0, 0, 0, 0, 0, 0], 7), Reach::Private("a unique local address (RFC 4193)")),
    (v6([0xfe80, 0, 0, 0, 0, 0, 0, 0], 10), Reach::Private("link-local (RFC 4291)")),
    (v6([0xfec0, 0, 0, 0, 0, 0, 0, 0], 10), Reach::Private("site-local (RFC 3879)")),
    (v6([0xff00, 0, 0, 0, 0, 0, 0, 0], 8), Reach::Never("multicast")),
    (v6([0x2001, 0, 0, 0, 0, 0, 0, 0], 32), TUNNEL),
    (v6([0x2001, 0xdb8, 0, 0, 0, 0, 0, 0], 32), DOCUMENTATION),
    (v6([0x2001, 0, 0, 0, 0, 0, 0, 0], 23), RESERVED),
    (v6([0x2002, 0, 0, 0, 0, 0, 0, 0], 16), TUNNEL),
    (v6([0x3fff, 0, 0, 0, 0, 0, 0, 0], 20), DOCUMENTATION),
];

const GLOBAL_UNICAST: Ipv6Net = v6([0x2000, 0, 0, 0, 0, 0, 0, 0], 3);
/// NAT64's well-known prefix (RFC 6052): hosts of IPv6-only networks reach IPv4 through it.
const NAT64: Ipv6Net = v6([0x64, 0xff9b, 0, 0, 0, 0, 0, 0], 96);
/// IPv4-compatible addresses (RFC 4291 §2.5.5.1), deprecated.
const COMPATIBLE: Ipv6Net = v6([0; 8], 96);

/// The address that is really reached: the IPv4 address within a mapped (RFC 4291 §2.5.5.2), NAT64 or compatible one.
pub(super) fn unwrapped(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(v6) => match v6.to_ipv4_mapped() {
            Some(v4) => v4.into(),
            None if NAT64.contains(&v6) => embedded(v6).into(),
            None if COMPATIBLE.contains(&v6) && u128::from(v6) > 0xffff => embedded(v6).into(),
            None => address,
        },
    }
}

/// The IPv4 address in the last 32 bits.
fn embedded(address: Ipv6Addr) -> Ipv4Addr {
    let [.., a, b, c, d] = address.octets();
    Ipv4Addr::new(a, b, c, d)
}

/// How far `address` reaches.
pub(super) fn reach(address: IpAddr) -> Reach {
    match unwrapped(address) {
        IpAddr::V4(v4) => TABLE_V4.iter().find(|(net, _)| net.contains(&v4)).map_or(Reach::Public, |(_, reach)| *reach),
        IpAddr::V6(v6) => {
            let otherwise = if GLOBAL_UNICAST.contains(&v6) { Reach::Public } else { RESERVED };
            TABLE_V6.iter().find(|(net, _)| net.contains(&v6)).map_or(otherwise, |(_, reach)| *reach)
        }
    }
}

/// Whether `net` holds `address`, as written or as it is really reached.
pub(super) fn holds(net: &IpNet, address: IpAddr) -> bool {
    net.contains(&address) || net.contains(&unwrapped(address))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Reach {
        reach(text.parse().expect("an address"))
    }

    /// First and last address of every block of the IANA registries that is not globally reachable, and of the
    /// deprecated and shared ones.
    const REFUSED: &[&str] = &[
        "0.0.0.0",
        "0.255.255.255",
        "10.0.0.0",
        "10.255.255.255",
        "100.64.0.0",
        "100.127.255.255",
        "127.0.0.0",
        "127.255.255.255",
        "169.254.0.0",
        "169.254.255.255",
        "172.16.0.0",
        "172.31.255.255",
        "192.0.0.0",
        "192.0.0.255",
        "192.0.2.0",
        "192.0.2.255",
        "192.88.99.0",
        "192.88.99.255",
        "192.168.0.0",
        "192.168.255.255",
        "198.18.0.0",
        "198.19.255.255",
        "198.51.100.0",
        "198.51.100.255",
        "203.0.113.0",
        "203.0.113.255",
        "224.0.0.0",
        "239.255.255.255",
        "240.0.0.0",
        "255.255.255.255",
        "168.63.129.16",
        "100.100.100.200",
        "::",
        "::1",
        "::2",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "::127.0.0.1",
        "::10.1.2.3",
        "64:ff9b::7f00:1",
        "64:ff9b::a00:1",
        "64:ff9b::a9fe:a9fe",
        "64:ff9b:1::",
        "64:ff9b:1:ffff:ffff:ffff:ffff:ffff",
        "100::",
        "100::ffff:ffff:ffff:ffff",
        "100:0:0:1::",
        "2001::",
        "2001:0:ffff:ffff:ffff:ffff:ffff:ffff",
        "2001:2::",
        "2001:10::",
        "2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff",
        "2001:db8::",
        "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff",
        "2002::",
        "2002:7f00:1::",
        "2002:808:808::1",
        "2002:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
        "3fff::",
        "3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff",
        "4000::",
        "5f00::",
        "fc00::",
        "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
        "fe80::",
        "febf::1",
        "fec0::",
        "feff::1",
        "ff00::",
        "ff02::1",
        "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
        "fd00:ec2::254",
    ];

    /// The neighbours of those blocks, and well-known public hosts.
    const PUBLIC: &[&str] = &[
        "1.0.0.0",
        "1.1.1.1",
        "8.8.8.8",
        "9.255.255.255",
        "11.0.0.0",
        "100.63.255.255",
        "100.128.0.0",
        "126.255.255.255",
        "128.0.0.0",
        "168.63.129.15",
        "169.253.255.255",
        "169.255.0.0",
        "172.15.255.255",
        "172.32.0.0",
        "191.255.255.255",
        "192.0.1.0",
        "192.0.3.0",
        "192.88.98.255",
        "192.88.100.0",
        "192.167.255.255",
        "192.169.0.0",
        "198.17.255.255",
        "198.20.0.0",
        "198.51.99.255",
        "198.51.101.0",
        "203.0.112.255",
        "203.0.114.0",
        "223.255.255.255",
        "2000::",
        "2001:200::",
        "2001:4860:4860::8888",
        "2001:db7:ffff::1",
        "2001:db9::",
        "2003::",
        "2606:4700::1111",
        "3ffe:ffff::1",
        "3fff:1000::",
        "::ffff:8.8.8.8",
        "64:ff9b::808:808",
    ];

    #[test]
    fn every_special_block_is_refused_at_both_ends() {
        for text in REFUSED {
            assert_ne!(of(text), Reach::Public, "{text} must not be public");
        }
    }

    #[test]
    fn the_neighbours_of_special_blocks_are_public() {
        for text in PUBLIC {
            assert_eq!(of(text), Reach::Public, "{text} must be public");
        }
    }

    #[test]
    fn metadata_services_are_more_than_private() {
        for text in
            ["169.254.169.254", "::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe", "fd00:ec2::254", "168.63.129.16"]
        {
            assert_eq!(of(text), METADATA, "{text}");
        }
        assert_eq!(of("169.254.1.1"), Reach::Private("link-local (RFC 3927)"));
    }

    #[test]
    fn an_allowed_network_holds_its_addresses_in_every_notation() {
        let net: IpNet = "10.1.0.0/16".parse().expect("a network");
        for text in ["10.1.2.3", "::ffff:10.1.2.3", "64:ff9b::a01:203"] {
            assert!(holds(&net, text.parse().expect("an address")), "{text}");
        }
        assert!(!holds(&net, "10.2.0.1".parse().expect("an address")));
    }
}
