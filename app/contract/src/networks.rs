//! Which network addresses the whole internet can reach: asked when staff register an upstream, and again when the gateway
//! connects to what its name resolves to.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Whether an address is none that the whole internet can reach (IANA, special-purpose address registries).
#[must_use]
pub const fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_private_v4(address),
        IpAddr::V6(address) => is_private_v6(address),
    }
}

const fn is_private_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_documentation()
        || a == 0 // this network
        || a == 100 && b >= 64 && b < 128 // shared by carriers (RFC 6598)
        || (a == 192 && b == 0 && c == 0) // protocol assignments
        || (a == 192 && b == 88 && c == 99) // relays of 6to4
        || a == 198 && (b == 18 || b == 19) // benchmarks
        || a >= 224 // multicast, reserved, broadcast
}

/// Only the global unicast block counts; in it, what carries an IPv4 address is judged by that.
const fn is_private_v6(address: Ipv6Addr) -> bool {
    let [first, second, third, fourth, fifth, sixth, seventh, eighth] = address.segments();
    match (first, second) {
        // NAT64 (RFC 6052)
        (0x64, 0xff9b) => third | fourth | fifth | sixth != 0 || is_private_v4(v4(seventh, eighth)),
        // 6to4
        (0x2002, _) => is_private_v4(v4(second, third)),
        // Teredo, benchmarks, ORCHID, and everything else below 2001:200::
        (0x2001, 0..0x200) => true,
        // documentation
        (0x2001, 0xdb8) => true,
        (0x3fff, 0..0x1000) => true,
        _ => first & 0xe000 != 0x2000,
    }
}

const fn v4(high: u16, low: u16) -> Ipv4Addr {
    Ipv4Addr::from_bits(((high as u32) << 16) | low as u32)
}
