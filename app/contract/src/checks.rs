//! The order in which the gateway checks a request: one list that the gateway keeps to, that its tests walk through and
//! that the docs print.

/// One check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Check {
    /// What has to be the case.
    pub sentence: &'static str,
    /// The codes of its refusals, in the order in which they are tried.
    pub codes: &'static [&'static str],
}

/// All checks, the first one first. The first "no" is the answer; a refused request takes nothing from any limit or
/// quota.
pub const CHECKS: [Check; 17] = [
    Check { sentence: "The method may pass a gateway; TRACE and CONNECT may not.", codes: &["method_not_allowed"] },
    Check { sentence: "Host and path have one meaning.", codes: &["host_unclear", "ambiguous_path"] },
    Check { sentence: "No key stands in the URL.", codes: &["key_in_url"] },
    Check { sentence: "The API exists.", codes: &["unknown_api"] },
    Check { sentence: "There is exactly one key, in a header.", codes: &["missing_key", "several_keys"] },
    Check { sentence: "The key is well-formed: prefix, length and checksum.", codes: &["malformed_key"] },
    Check { sentence: "The key is known.", codes: &["unknown_key"] },
    Check { sentence: "The key is active.", codes: &["revoked_key", "paused_key", "expired_key"] },
    Check { sentence: "The API takes keys of this environment.", codes: &["environment_closed"] },
    Check { sentence: "A browser sent it from a site that the API names.", codes: &["origin_not_allowed"] },
    Check { sentence: "It comes from an address to which the key is bound.", codes: &["address_not_allowed"] },
    Check { sentence: "The organization has a plan for the API.", codes: &["not_subscribed"] },
    Check { sentence: "The key has the scopes that the operation needs.", codes: &["missing_scope"] },
    Check { sentence: "The request can be written down, where the API wants that.", codes: &["log_unavailable"] },
    Check { sentence: "There is room in every limit.", codes: &["rate_limited"] },
    Check { sentence: "There is enough left of the quota.", codes: &["quota_exceeded", "quota_unavailable"] },
    Check {
        sentence: "The API behind the gateway takes the request and answers.",
        codes: &[
            "too_large",
            "too_many_connections",
            "upstream_paused",
            "upstream_forbidden",
            "upstream_down",
            "upstream_timeout",
        ],
    },
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::Refusal;

    #[test]
    fn every_refusal_of_the_gateway_has_one_place_in_the_order() {
        let listed: Vec<&str> = CHECKS.iter().flat_map(|check| check.codes).copied().collect();
        let once: BTreeSet<&str> = listed.iter().copied().collect();
        assert_eq!(listed.len(), once.len());
        let given: BTreeSet<&str> =
            Refusal::catalogue().iter().filter(|refusal| refusal.is_of_gateway()).map(Refusal::code).collect();
        // Only `POST /verify` gives these two, before anything is checked.
        let of_verify = BTreeSet::from(["service_token_refused", "invalid_input"]);
        assert_eq!(given.difference(&of_verify).copied().collect::<BTreeSet<_>>(), once);
    }
}
