//! Attack case 9: when somebody's rights end, everything that their sessions hold open ends with them, within a second.

use crate::fixture::{NEW_PASSWORD, account_of, another, end_waiting, fixture, join, send, start_recovery};
use crate::harness::{Browser, House, Live};
use crate::passkeys;

/// A session with an open stream.
struct Open {
    browser: Browser,
    live: Live,
}

async fn open(mut browser: Browser) -> Open {
    assert_eq!(browser.get("/rpc/keys/list").await.status, 200);
    let live = browser.live("", None).await;
    Open { browser, live }
}

/// Its stream ends, and whatever it asks for is refused.
async fn is_over(mut open: Open, why: &str) {
    open.live.ends_within_a_second().await;
    assert_eq!(open.browser.get("/rpc/keys/list").await.code(), "not_signed_in", "{why}");
    assert_eq!(open.browser.get("/api/v1/request-logs/live").await.status, 401, "{why}");
    assert_eq!(open.browser.visit("/console").await.status, 303, "{why}");
    let create = [("label", "too late"), ("environment", "live"), ("form_token", "late")];
    assert_eq!(open.browser.post("/rpc/keys/create", &create).await.code(), "not_signed_in", "{why}");
}

async fn goes_on(browser: &mut Browser, why: &str) {
    assert_eq!(browser.get("/rpc/accounts/read_security").await.status, 200, "{why} ended the session that asked");
}

/// Claims: CARD-05, S002-19
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ending_all_others_ends_fifty_sessions_and_their_streams_within_a_second() {
    let house = House::open().await;
    let mut ada = house.person("Ada").await;
    let mut phone = passkeys::device();
    passkeys::register(&mut ada, &mut phone, "Phone").await;
    let mut others = Vec::new();
    for _ in 0..50 {
        let mut other = house.browser();
        assert_eq!(passkeys::sign_in(&mut other, &mut phone).await.status, 200);
        others.push(open(other).await);
    }
    let mut bea = open(house.person("Bea").await).await;
    assert_eq!(ada.get("/rpc/sessions/list").await.json().as_array().unwrap().len(), 51);
    send(&mut ada, "/rpc/sessions/end_others", &[]).await;
    let ends = others.into_iter().map(|other| is_over(other, "ending all others"));
    futures_util::future::join_all(ends).await;
    goes_on(&mut ada, "ending all others").await;
    assert_eq!(ada.get("/rpc/sessions/list").await.json().as_array().unwrap().len(), 1);
    // Nobody else is disturbed.
    goes_on(&mut bea.browser, "what somebody else did").await;
    let pending = tokio::time::timeout(std::time::Duration::ZERO, bea.live.event()).await;
    assert!(pending.is_err(), "{pending:?}");
}

/// Claims: MAST-12, MAST-16, CARD-05
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_changes_what_somebody_signs_in_with_ends_all_their_other_sessions() {
    let house = House::open().await;
    let mut ada = house.person("Ada").await;
    let mut phone = passkeys::device();
    let other = open(another(&house, "Ada").await).await;
    send(&mut ada, "/rpc/accounts/set_password", &[("password", NEW_PASSWORD)]).await;
    is_over(other, "a new password").await;
    goes_on(&mut ada, "a new password").await;

    let id = passkeys::register(&mut ada, &mut phone, "Phone").await;
    assert_eq!(passkeys::step_up(&mut ada, &mut phone).await.status, 200);
    let sign_in = async || {
        let mut browser = house.browser();
        assert_eq!(passkeys::sign_in(&mut browser, &mut phone.clone()).await.status, 200);
        open(browser).await
    };
    let other = sign_in().await;
    let mut laptop = passkeys::device();
    let spare = passkeys::register(&mut ada, &mut laptop, "Laptop").await;
    send(&mut ada, "/rpc/passkeys/remove", &[("id", &spare)]).await;
    is_over(other, "a removed passkey").await;
    goes_on(&mut ada, "a removed passkey").await;

    let other = sign_in().await;
    send(&mut ada, "/rpc/accounts/remove_password", &[]).await;
    is_over(other, "a removed password").await;

    // The other session is ended by its id, and by itself.
    let other = sign_in().await;
    let listed = ada.get("/rpc/sessions/list").await.json();
    let listed = listed.as_array().unwrap().iter().find(|session| session["current"] == false).unwrap()["id"].clone();
    send(&mut ada, "/rpc/sessions/end_one", &[("id", listed.as_str().unwrap())]).await;
    is_over(other, "being ended").await;
    let other = sign_in().await;
    send(&mut other.browser.clone(), "/rpc/sessions/sign_out", &[]).await;
    is_over(other, "signing out").await;

    // What looks like a copy of the passkey takes it out of use, and every session with it.
    let (mut one, mut copy) = (passkeys::device(), passkeys::device());
    one.counter = Some(10);
    passkeys::register(&mut ada, &mut one, "Key ring").await;
    copy.clone_from(&one);
    assert_eq!(passkeys::sign_in(&mut house.browser(), &mut one).await.status, 200);
    let other = sign_in().await;
    copy.counter = Some(1);
    assert_eq!(passkeys::sign_in(&mut house.browser(), &mut copy).await.code(), "passkey_refused");
    is_over(other, "a copied passkey").await;
    assert_eq!(ada.get("/rpc/keys/list").await.status, 401);
    let _ = id;
}

/// Claims: MAST-12, CARD-05
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reset_a_recovery_and_a_new_address_end_every_session() {
    let house = House::open().await;
    let ada = open(house.person("Ada").await).await;
    let mut nobody = house.browser();
    send(&mut nobody, "/rpc/accounts/ask_reset", &[("email", "ada@example.com")]).await;
    let token = house.token_to("ada@example.com", "/reset-password").await;
    send(&mut nobody, "/rpc/accounts/reset_password", &[("token", &token), ("password", NEW_PASSWORD)]).await;
    is_over(ada, "a reset").await;

    let bea = open(house.person("Bea").await).await;
    start_recovery(&house, "bea@example.com").await;
    end_waiting(&house).await;
    let token = house.token_to("bea@example.com", "/recover/finish").await;
    send(&mut nobody, "/rpc/recovery/finish", &[("token", &token), ("password", NEW_PASSWORD)]).await;
    is_over(bea, "a recovery").await;

    let mut cem = house.person("Cem").await;
    let other = open(another(&house, "Cem").await).await;
    send(&mut cem, "/rpc/accounts/ask_email_change", &[("email", "cem.new@example.com")]).await;
    for address in ["cem@example.com", "cem.new@example.com"] {
        let token = house.token_to(address, "/confirm-email").await;
        send(&mut nobody, "/rpc/accounts/confirm_email", &[("token", &token)]).await;
    }
    is_over(other, "a new address").await;
}

/// Claims: FLOW-61, CARD-05
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_role_and_the_end_of_a_membership_end_what_was_open_there() {
    let house = House::open().await;
    let mut ola = house.person("Ola").await;
    send(&mut ola, "/rpc/organizations/create", &[("name", "Team")]).await;
    let max = join(&house, &mut ola, "Max", "developer").await;
    let account = account_of(&house, &max).await.to_string();
    // A session in which he works elsewhere is not touched.
    let mut elsewhere = another(&house, "Max").await;
    let max = open(max).await;
    send(&mut ola, "/rpc/organizations/change_role", &[("account", &account), ("role", "viewer")]).await;
    is_over(max, "another role").await;
    goes_on(&mut elsewhere, "another role elsewhere").await;

    let team = house.organization_of(&ola).await.0.to_string();
    send(&mut elsewhere, "/rpc/organizations/switch", &[("id", &team)]).await;
    let max = open(elsewhere).await;
    send(&mut ola, "/rpc/organizations/remove", &[("account", &account)]).await;
    is_over(max, "a removal").await;
    let mut max = another(&house, "Max").await;
    assert_eq!(max.post("/rpc/organizations/switch", &[("id", &team)]).await.code(), "not_found");

    // Whoever leaves, hands over or looks elsewhere goes on; what they held open there ends.
    let ida = join(&house, &mut ola, "Ida", "admin").await;
    let id = account_of(&house, &ida).await.to_string();
    let (mut olas, mut idas) = (open(ola).await, open(ida).await);
    send(&mut olas.browser, "/rpc/organizations/hand_over", &[("account", &id)]).await;
    olas.live.ends_within_a_second().await;
    goes_on(&mut olas.browser, "handing over").await;
    is_over(idas, "being handed it").await;
    let mut browser = another(&house, "Ida").await;
    send(&mut browser, "/rpc/organizations/switch", &[("id", &team)]).await;
    idas = open(browser).await;
    let own = house.database.texts(
        "SELECT 'x' FROM members JOIN accounts ON accounts.id = members.account_id WHERE accounts.name = 'Ida'"
            .to_owned(),
        1,
    );
    assert_eq!(own.await.len(), 2);
    let mut olas = open(olas.browser).await;
    send(&mut olas.browser, "/rpc/organizations/leave", &[]).await;
    olas.live.ends_within_a_second().await;
    goes_on(&mut olas.browser, "leaving").await;
    goes_on(&mut idas.browser, "what somebody else did").await;
}

/// Claims: MAST-10, CARD-05, MASA-23
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_suspension_ends_every_session_of_the_account_and_a_restriction_none() {
    let house = House::open().await;
    let mut staff = house.staff("Olga").await;
    let ada = house.person("Ada").await;
    let id = account_of(&house, &ada).await.to_string();
    let others = [open(ada).await, open(another(&house, "Ada").await).await];
    let fields = [("id", id.as_str()), ("reason", "Keys stood in public code."), ("purpose", "abuse")];
    send(&mut staff, "/rpc/staff/restrict", &fields).await;
    let [mut ada, other] = others;
    goes_on(&mut ada.browser, "a restriction").await;
    let pending = tokio::time::timeout(std::time::Duration::ZERO, ada.live.event()).await;
    assert!(pending.is_err(), "{pending:?}");
    let create = [("label", "more"), ("environment", "live"), ("form_token", "more")];
    assert_eq!(ada.browser.post("/rpc/keys/create", &create).await.code(), "account_restricted");
    send(&mut staff, "/rpc/staff/suspend", &fields).await;
    is_over(ada, "a suspension").await;
    is_over(other, "a suspension").await;
    let fields = [("email", "ada@example.com"), ("password", crate::harness::PASSWORD)];
    let tried = house.browser().post("/rpc/sessions/sign_in", &fields).await;
    assert_eq!(tried.code(), "account_suspended");
}

/// Claims: MASA-23
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_is_no_staff_any_more_sees_nothing_more_of_others() {
    let house = House::open().await;
    let mut staff = house.staff("Olga").await;
    let live = staff.live("scope=operator", None).await;
    start_recovery(&house, "olga@example.com").await;
    end_waiting(&house).await;
    let token = house.token_to("olga@example.com", "/recover/finish").await;
    send(&mut house.browser(), "/rpc/recovery/finish", &[("token", &token), ("password", NEW_PASSWORD)]).await;
    live.ends_within_a_second().await;
    let mut browser = house.browser();
    let fields = [("email", "olga@example.com"), ("password", NEW_PASSWORD)];
    send(&mut browser, "/rpc/sessions/sign_in", &fields).await;
    assert_eq!(browser.visit("/admin/logs").await.status, 404, "a mailbox opens the desk");
}

/// A session that the clock ends, ends its stream too.
///
/// Claims: CARD-10
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_does_not_outlive_its_session() {
    let fixture = fixture().await;
    let open = open(fixture.ada.clone()).await;
    fixture.house.database.sql("UPDATE sessions SET expires_at = 1").await;
    let end = async { open.live.ends_within_a_second().await };
    // Looked at once a second, so within two at the latest.
    tokio::time::timeout(std::time::Duration::from_secs(2), end).await.unwrap();
}
