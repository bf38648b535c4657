//! The main job through the doors alone: from a sign-up to the first logged call. In memory here, against the real
//! program in `process`.

use contract::policies::TERMS_VERSION;
use contract::request_logs::LiveEvent;

use crate::harness::{Answer, Browser, House, Live, soon};

/// What one person gives and gets on the way.
pub struct Journey<'a> {
    pub name: &'a str,
    pub email: &'a str,
    pub password: &'a str,
}

/// What came of it.
pub struct Done {
    pub secret: String,
    pub wrong: String,
    pub first: Answer,
    pub refused: Answer,
}

impl Journey<'_> {
    /// Signs up, verifies, signs in, reveals, calls, and calls with a wrong key.
    pub async fn go(&self, browser: &mut Browser, gateway: &mut Browser) -> Done {
        let fields =
            [("name", self.name), ("email", self.email), ("password", self.password), ("terms", TERMS_VERSION)];
        let signed_up = browser.post("/rpc/accounts/sign_up", &fields).await;
        assert!(signed_up.status < 400, "{signed_up:?}");
        let verify = browser.newest_link(self.email).await;
        let page = browser.visit(&verify).await;
        assert!(page.body.contains("Verify email"), "{page:?}");
        let token = verify.split_once("token=").unwrap().1;
        let verified = browser.post("/rpc/accounts/verify_email", &[("token", token)]).await;
        assert!(verified.status < 400, "{verified:?}");

        let reveal = browser.newest_link(self.email).await;
        let turned = browser.visit(&reveal).await;
        assert!(turned.leads_to().starts_with("/sign-in?next=/reveal"));
        let fields = [("email", self.email), ("password", self.password), ("next", &reveal)];
        let signed_in = browser.post("/rpc/sessions/sign_in", &fields).await;
        assert!(signed_in.status < 400, "{signed_in:?}");
        let offered = browser.visit(&reveal).await;
        assert!(offered.body.contains("Show the secret"), "{offered:?}");
        let token = reveal.split_once("token=").unwrap().1;
        let shown = browser.without_script().post("/reveal", &[("token", token)]).await;
        assert_eq!(shown.status, 200);
        let secret = shown.secret();

        let first = gateway.call("/almanac/v1/sun/lisbon", &secret).await;
        let wrong = contract::keys::format::assemble("cs", contract::Environment::Live, b"Zq7Xk2Wv9Jp4Ym6Tz8Rb3Nc5Hd1");
        let refused = gateway.call("/almanac/v1/sun/lisbon?who=canary-in-the-query", &wrong).await;
        Done { secret, wrong, first, refused }
    }
}

/// The rows of the next two requests, whether they come together or not.
async fn two_rows(live: &mut Live) -> Vec<contract::request_logs::RequestRow> {
    let mut all = Vec::new();
    while all.len() < 2 {
        match soon("a row", live.event()).await {
            LiveEvent::Rows { rows } => all.extend(rows),
            other => panic!("{other:?}"),
        }
    }
    all
}

/// Claims: MAST-17, MAST-18, MAST-28
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn from_a_sign_up_to_the_first_logged_call() {
    let house = House::open().await;
    let address = house.open_gateway().await;
    let mut operator = house.staff("Olga").await;
    let mut live = operator.live("scope=operator", None).await;
    let mut browser = house.browser();
    let journey = Journey { name: "Ada", email: "ada@example.com", password: "seven quiet violins hum" };
    let done = journey.go(&mut browser, &mut Browser::at_socket(&address)).await;
    assert_eq!(done.first.status, 200, "{:?}", done.first);
    assert!(done.first.json()["place"].is_object() || done.first.body.contains("sunrise"));
    assert_eq!((done.refused.status, done.refused.code().as_str()), (401, "unknown_key"));

    // The operator sees both at once, the wrong key with its reason and without itself.
    let rows = two_rows(&mut live).await;
    assert_eq!(rows[0].id.to_string(), done.first.header("request-id"));
    assert_eq!((rows[0].status, rows[0].route.as_str()), (200, "/v1/sun/{place}"));
    let caller = rows[0].caller.clone().unwrap();
    assert_eq!(caller.key_label, "First key");
    assert_eq!(rows[1].id.to_string(), done.refused.header("request-id"));
    assert_eq!((rows[1].status, rows[1].code.as_deref(), &rows[1].caller), (401, Some("unknown_key"), &None));
    let told = serde_json::to_string(&rows).unwrap();
    assert!(!told.contains(&done.wrong) && !told.contains(&done.secret) && !told.contains("canary"), "{told}");

    // The developer sees the own one: in the log, in the chart, on the way through the first steps.
    let log = browser.get("/rpc/request_logs/read").await.json();
    assert_eq!(log["rows"]["items"].as_array().unwrap().len(), 1);
    assert_eq!(log["rows"]["items"][0]["id"], rows[0].id.to_string());
    let usage = browser.get("/rpc/usage/read?range=hour").await.json();
    assert_eq!((&usage["accepted"], &usage["refused"]), (&1.into(), &0.into()));
    let overview = browser.get("/rpc/overview/read").await.json();
    assert_eq!((&overview["steps"]["secret_revealed"], &overview["steps"]["first_call"]), (&true.into(), &true.into()));
    for path in ["/console", "/console/logs", "/console/keys", "/console/usage"] {
        let page = browser.visit(path).await;
        assert_eq!(page.status, 200);
        assert!(!page.body.contains(&done.secret), "{path}");
    }
    let page = operator.visit("/admin/logs").await;
    assert!(page.body.contains("unknown_key") && page.body.contains(caller.organization_name.as_str()));
    assert!(!page.body.contains(&done.wrong) && !page.body.contains(&done.secret));

    // A revoked key is refused by the very next call.
    let revoked = browser.post("/rpc/keys/revoke", &[("id", &caller.key.to_string())]).await;
    assert_eq!(revoked.status, 200);
    let refused = Browser::at_socket(&address).call("/almanac/v1/sun/lisbon", &done.secret).await;
    assert_eq!((refused.status, refused.code().as_str()), (401, "revoked_key"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_without_a_script() {
    let house = House::open().await;
    let address = house.open_gateway().await;
    let mut browser = house.browser().without_script();
    let journey = Journey { name: "Ada", email: "ada@example.com", password: "seven quiet violins hum" };
    // The mailbox is read as data either way.
    let done = journey.go(&mut browser, &mut Browser::at_socket(&address)).await;
    assert_eq!((done.first.status, done.refused.status), (200, 401));
}
