//! What a row says of its caller: what the privacy profile of its API keeps, and no more.

use contract::apis::{AddressPolicy, AgentPolicy, Callers, LogLevel, PrivacyProfile};
use contract::request_logs::RequestRow;

use crate::harness::*;

const AGENT: &str = "caller-canary/7.3";

/// A gateway behind a proxy of ours, over an API with this profile.
async fn house(profile: PrivacyProfile) -> House {
    let mut plan = Plan::over(echo().await);
    plan.trusted_proxies = vec!["127.0.0.1/32"];
    plan.api.privacy = profile;
    plan.open().await
}

fn servers(address: AddressPolicy, agent: AgentPolicy) -> PrivacyProfile {
    PrivacyProfile { callers: Callers::Servers { address, agent }, ..PrivacyProfile::default() }
}

fn from(address: &str) -> Vec<String> {
    vec![bearer(&active()), format!("X-Forwarded-For: {address}"), format!("User-Agent: {AGENT}")]
}

/// Address and agent, as the row tells them.
fn kept(row: &RequestRow) -> (Option<String>, Option<String>) {
    (row.address.map(|kept| kept.text()), row.agent.as_ref().map(|kept| kept.text().to_owned()))
}

/// Claims: MAST-23, MASA-08, S002-06, FLOW-16, FLOW-17
#[tokio::test]
async fn a_row_names_its_caller_as_the_profile_of_its_api_says_and_no_more() {
    use AddressPolicy::{NinetyDays, None as Nothing, SevenDays, Truncated};
    for (profile, v4, v6, agent) in [
        (PrivacyProfile::default(), None, None, None),
        (servers(Truncated, AgentPolicy::None), Some("203.0.113.0/24"), Some("2001:db8:1::/48"), None),
        (servers(SevenDays, AgentPolicy::Full), Some("203.0.113.77"), Some("2001:db8:1:2::3"), Some(AGENT)),
        (servers(NinetyDays, AgentPolicy::None), Some("203.0.113.77"), Some("2001:db8:1:2::3"), None),
        (servers(Nothing, AgentPolicy::Full), None, None, Some(AGENT)),
        (PrivacyProfile { callers: Callers::EndUsers, ..PrivacyProfile::default() }, None, None, None),
    ] {
        let mut house = house(profile).await;
        for (address, wanted) in [("203.0.113.77", v4), ("2001:db8:1:2::3", v6)] {
            assert_eq!(house.get("/almanac", &from(address)).await.status, 200);
            let wanted = (wanted.map(str::to_owned), agent.map(str::to_owned));
            assert_eq!(kept(&house.row().await), wanted, "{profile:?}");
        }
    }
}

/// Claims: MAST-23, FLOW-16, FLOW-17
#[tokio::test]
async fn nothing_is_kept_of_browsers_nor_of_whoever_has_no_key_that_is_known() {
    let mut house = house(servers(AddressPolicy::NinetyDays, AgentPolicy::Full)).await;
    let of_a_browser = |header: &str| [from("203.0.113.77"), vec![header.to_owned()]].concat();
    let strangers =
        vec![bearer(&unknown()), "X-Forwarded-For: 203.0.113.77".to_owned(), format!("User-Agent: {AGENT}")];
    for headers in [
        of_a_browser("Origin: https://app.example.com"),
        of_a_browser("Sec-Fetch-Site: cross-site"),
        strangers.clone(),
        strangers[1..].to_vec(),
    ] {
        house.get("/almanac", &headers).await;
        assert_eq!(kept(&house.row().await), (None, None), "{headers:?}");
    }
    // At a name that is no API, nobody said what may be kept.
    house.get("/nothing", &from("203.0.113.77")).await;
    assert_eq!(kept(&house.row().await), (None, None));
}

/// Claims: FLOW-18, MAST-24
#[tokio::test]
async fn a_lower_log_level_takes_things_out_of_rows_and_never_a_row() {
    for (log_level, answered, refused) in
        [(LogLevel::Full, true, true), (LogLevel::Refusals, false, true), (LogLevel::Counts, false, false)]
    {
        let mut house =
            house(PrivacyProfile { log_level, ..servers(AddressPolicy::NinetyDays, AgentPolicy::Full) }).await;
        assert_eq!(house.get("/almanac/v1/sun/paris", &from("203.0.113.77")).await.status, 200);
        let row = house.row().await;
        assert_eq!((row.status, row.cost, row.caller.is_some()), (200, 1, true));
        assert_eq!((!row.route.is_empty(), row.address.is_some(), row.agent.is_some()), (answered, answered, answered));

        house.get("/almanac/v1/sun/paris", &[bearer(&unknown())]).await;
        let row = house.row().await;
        assert_eq!((row.status, row.code.as_deref(), row.method.as_str()), (401, Some("unknown_key"), "GET"));
        assert_eq!((!row.route.is_empty(), row.key_hint.is_some()), (refused, refused));
    }
}
