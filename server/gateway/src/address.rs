//! The client's network address: compared and forgotten, unless the privacy profile of its API says otherwise.
//!
//! [`ClientAddress`] can be neither printed nor stored: it has no `Debug`, no `Display`, no serializer, and nothing that
//! records rows takes it. It exists from the socket to the end of the checks. What records rows takes a [`Peer`], which
//! only a profile can make, and which holds what that profile keeps: with the default one, nothing.

use std::hash::{BuildHasher as _, RandomState};
use std::net::{IpAddr, Ipv6Addr};

use contract::apis::{AddressPolicy, AgentPolicy, KeptAddress, KeptAgent, PrivacyProfile};
use http::HeaderMap;
use http::header::{ORIGIN, USER_AGENT};
use ipnet::IpNet;

use contract::limits::Limit;

use crate::limit::Meter;

/// From where a request comes, at the gateway and at the portal.
///
/// It is the peer or, if the peer is one of our own proxies, whom it names in `X-Forwarded-For`: the last address that is
/// no proxy of ours. Everything before it was written by strangers.
#[must_use]
pub fn client_of(peer: IpAddr, headers: &HeaderMap, trusted: &[IpNet]) -> IpAddr {
    let peer = peer.to_canonical();
    let is_trusted = |address: IpAddr| trusted.iter().any(|network| network.contains(&address));
    if !is_trusted(peer) {
        return peer;
    }
    let named = headers
        .get_all("x-forwarded-for")
        .iter()
        .rev()
        .flat_map(|value| value.as_bytes().rsplit(|byte| *byte == b','))
        .map(|part| std::str::from_utf8(part).ok().and_then(|text| text.trim().parse::<IpAddr>().ok()));
    for address in named {
        match address.map(|address| address.to_canonical()) {
            Some(address) if is_trusted(address) => {}
            Some(address) => return address,
            // What cannot be read hides whoever stands before it.
            None => return peer,
        }
    }
    peer
}

/// From where a request comes.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct ClientAddress(IpAddr);

impl ClientAddress {
    pub(crate) fn of(peer: IpAddr, headers: &HeaderMap, trusted: &[IpNet]) -> Self {
        Self(client_of(peer, headers, trusted))
    }

    /// An address that an operator's server gives with `POST /verify`.
    pub(crate) fn told(text: &str) -> Option<Self> {
        text.parse::<IpAddr>().ok().map(|address| Self(address.to_canonical()))
    }

    /// Whether it is in one of the networks.
    pub(crate) fn is_in(self, networks: &[IpNet]) -> bool {
        networks.iter().any(|network| network.contains(&self.0))
    }

    /// What is limited: one address of IPv4, one network of IPv6, because there one host has 2⁶⁴ addresses.
    const fn limited_as(self) -> IpAddr {
        match self.0 {
            IpAddr::V4(_) => self.0,
            IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & !(u64::MAX as u128))),
        }
    }
}

/// What the row of a request may say of where it comes from.
#[derive(Default)]
pub(crate) struct Peer {
    pub(crate) address: Option<KeptAddress>,
    pub(crate) agent: Option<KeptAgent>,
}

impl Peer {
    /// What the profile keeps. Of a browser it keeps nothing, whatever it says: there an end user sits.
    pub(crate) fn of(profile: &PrivacyProfile, address: ClientAddress, headers: &HeaderMap) -> Self {
        let (kept_address, kept_agent) = (profile.callers.address(), profile.callers.agent());
        if (kept_address, kept_agent) == (AddressPolicy::None, AgentPolicy::None) {
            return Self::default();
        }
        if headers.contains_key(ORIGIN) || headers.contains_key("sec-fetch-site") {
            return Self::default();
        }
        let agent = headers.get(USER_AGENT).and_then(|agent| agent.to_str().ok());
        Self { address: kept_address.keep(address.0), agent: agent.and_then(|agent| kept_agent.keep(agent)) }
    }
}

/// How many numbers stand for the addresses of one API.
const PLACES: usize = 1 << 14;

/// A limit for each address, in a memory that does not grow and from which no address can be read.
///
/// Every address has a place by a keyed hash whose key this process made and keeps to itself. Two addresses share a
/// place, and so a limit, with a probability of 1 in 16,384; a table that could tell them apart would have to hold them.
#[derive(Debug)]
pub struct AddressMeters {
    limit: Limit,
    hasher: RandomState,
    places: Vec<Meter>,
}

impl AddressMeters {
    /// Limits of which nothing is used.
    #[must_use]
    pub fn new(limit: Limit) -> Self {
        Self { limit, hasher: RandomState::new(), places: (0..PLACES).map(|_| Meter::new(limit)).collect() }
    }

    /// The limit of each.
    #[must_use]
    pub const fn limit(&self) -> Limit {
        self.limit
    }

    pub(crate) fn of(&self, address: ClientAddress) -> Option<&Meter> {
        let hash = self.hasher.hash_one(address.limited_as());
        self.places.get(usize::try_from(hash % PLACES as u64).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

    use super::*;

    fn of(peer: &str, forwarded: &[&'static str], trusted: &[&str]) -> IpAddr {
        let trusted: Vec<IpNet> = trusted.iter().map(|network| network.parse().unwrap()).collect();
        let mut headers = HeaderMap::new();
        for line in forwarded {
            headers.append("x-forwarded-for", line.parse().unwrap());
        }
        client_of(peer.parse().unwrap(), &headers, &trusted)
    }

    /// Attack case 18, at both doors.
    #[test]
    fn a_forwarded_address_counts_only_behind_a_proxy_that_is_trusted() {
        let proxies = ["10.0.0.0/8", "fd00::/8"];
        for (peer, forwarded, wanted) in [
            ("203.0.113.9", &["198.51.100.1"][..], "203.0.113.9"),
            ("10.0.0.1", &["198.51.100.1"], "198.51.100.1"),
            ("10.0.0.1", &["203.0.113.9, 198.51.100.1, 10.0.0.2"], "198.51.100.1"),
            ("10.0.0.1", &["203.0.113.9", "198.51.100.1"], "198.51.100.1"),
            ("10.0.0.1", &["198.51.100.1, rubbish"], "10.0.0.1"),
            ("10.0.0.1", &["10.0.0.2"], "10.0.0.1"),
            ("10.0.0.1", &[], "10.0.0.1"),
            ("::ffff:10.0.0.1", &["::ffff:198.51.100.1"], "198.51.100.1"),
            ("fd00::1", &["2001:db8::5"], "2001:db8::5"),
        ] {
            assert_eq!(of(peer, forwarded, &proxies).to_string(), wanted, "{peer} {forwarded:?}");
        }
        assert_eq!(of("203.0.113.9", &["198.51.100.1"], &[]).to_string(), "203.0.113.9");
    }

    #[test]
    fn a_host_of_ipv6_has_one_limit_however_many_addresses_it_uses() {
        let limits = AddressMeters::new(Limit { requests: 1, seconds: 60 });
        let one = |text| ClientAddress::told(text).unwrap();
        let same = |a, b| std::ptr::eq(limits.of(one(a)).unwrap(), limits.of(one(b)).unwrap());
        assert!(same("2001:db8::1", "2001:db8::ffff:2"));
        assert!(same("203.0.113.9", "::ffff:203.0.113.9"));
    }
}
