//! Attack cases 13 and 14: what people write is text wherever it is shown, stays in its field wherever it is sent, and no
//! page of ours runs or is framed by anything of theirs.

use std::collections::BTreeSet;

use crate::fixture::{account_of, join, send};
use crate::forms::sign_up;
use crate::harness::{Answer, Browser, House, encoded};
use crate::passkeys;
use crate::reading::addresses;

/// Each would run, or change what surrounds it, if it were taken for markup. Short enough for every field.
const PAYLOADS: [&str; 8] = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(2)>",
    "' autofocus onfocus=alert(4) x='",
    "</title><script>alert(5)</script>",
    "\"><svg onload=alert(3)>",
    "</textarea><iframe src=//evil.example>",
    "<!--><b onclick=alert(6)>",
    "[x](javascript:alert(7))",
];

/// What must not stand in a page, in any spelling that a browser would take for markup.
const MARKUP: [&str; 7] =
    ["<script>alert", "<img src=x", "<svg onload", "<iframe", "<b onclick", "href=\"javascript:", "<!-->"];

fn check(place: &str, answer: &Answer) {
    for markup in MARKUP {
        assert!(!answer.body.contains(markup), "{markup} stands in {place}: {}", answer.body);
    }
    // An attribute value ends at its quote, so none of theirs may be one.
    for handler in ["onerror=alert", "onload=alert", "onclick=alert", "onfocus=alert"] {
        for (at, _) in answer.body.match_indices(handler) {
            let start = answer.body[..at].rfind(['<', '>']).unwrap_or(0);
            let tag = &answer.body[start..at];
            let quotes = tag.matches('"').count();
            assert!(!tag.starts_with('<') || quotes % 2 == 1, "{handler} stands in a tag of {place}: {tag}");
        }
    }
}

/// Claims: S002-19
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_people_write_is_text_on_every_page_of_theirs_of_others_and_of_staff() {
    let house = House::open().await;
    let mut staff = house.staff("Olga").await;
    for (number, payload) in PAYLOADS.into_iter().enumerate() {
        let name = format!("eve{number}");
        let email = format!("{name}@example.com");
        send(&mut house.browser(), "/rpc/accounts/sign_up", &sign_up(payload, &email)).await;
        let token = house.token_to(&email, "/verify-email").await;
        send(&mut house.browser(), "/rpc/accounts/verify_email", &[("token", &token)]).await;
        let mut eve = house.browser();
        eve.always.push(("user-agent".parse().unwrap(), format!("Firefox/{payload} Linux").parse().unwrap()));
        eve.sign_in(&email).await;
        send(&mut eve, "/rpc/organizations/create", &[("name", payload)]).await;
        let key = [("label", payload), ("environment", "live"), ("form_token", payload)];
        send(&mut eve, "/rpc/keys/create", &key).await;
        passkeys::register(&mut eve, &mut passkeys::device(), payload).await;
        let id = account_of(&house, &eve).await.to_string();
        let reason = [("id", id.as_str()), ("reason", payload), ("purpose", "abuse")];
        send(&mut staff, "/rpc/staff/restrict", &reason).await;

        let mut pages = addresses(&house).await;
        pages.push(format!("/admin/accounts/{id}?purpose=abuse"));
        pages.push(format!("/admin/accounts?query={}&purpose=abuse", encoded(payload)));
        for page in &pages {
            for (who, browser) in [("eve", &mut eve), ("staff", &mut staff)] {
                check(&format!("{page} of {who}"), &browser.visit(page).await);
            }
        }
        assert!(eve.visit("/console/security").await.body.contains("alert"), "the payload is shown nowhere: {payload}");
        if number % 4 != 0 {
            continue; // these two end a text and an attribute
        }
        // What stands in the address is written back as text too.
        for parameter in ["next", "done", "sent", "verified", "token", "query", "created", "filter", "passkey", "__err"]
        {
            for page in &pages {
                let page = page.split('?').next().unwrap();
                let address = format!("{page}?{parameter}={}&__path=%2Frpc%2Fsessions%2Fsign_in", encoded(payload));
                check(&address, &eve.visit(&address).await);
            }
        }
    }
}

/// Claims: S002-19
#[tokio::test]
async fn a_member_of_that_name_is_text_on_the_pages_of_their_organization_and_in_its_mails() {
    let house = House::open().await;
    let mut ola = house.person("Ola").await;
    send(&mut ola, "/rpc/organizations/create", &[("name", PAYLOADS[0])]).await;
    let mut max = join(&house, &mut ola, "Max", "viewer").await;
    send(&mut max, "/rpc/accounts/change_name", &[("name", PAYLOADS[1])]).await;
    send(&mut ola, "/rpc/organizations/invite", &[("email", "new@example.com"), ("role", "viewer")]).await;
    let invited = house.token_to("new@example.com", "/invite").await;
    for (browser, page) in
        [(&mut ola, "/console/organization".to_owned()), (&mut max, "/console/organization".to_owned())]
    {
        let answer = browser.visit(&page).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        assert!(answer.body.contains("alert(2)"), "the member is not on the page");
        check(&page, &answer);
    }
    check("/invite", &house.browser().visit(&format!("/invite?token={invited}")).await);
    for mail in house.database.texts("SELECT body_html, subject FROM mails".to_owned(), 2).await {
        for markup in MARKUP {
            assert!(!mail[0].contains(markup), "{markup} stands in a mail: {}", mail[0]);
        }
    }
}

/// Claims: S002-19
#[tokio::test]
async fn every_page_has_a_policy_with_a_nonce_of_its_own_and_cannot_be_framed() {
    let house = House::open().await;
    let (ada, staff) = (house.person("Ada").await, house.staff("Olga").await);
    let mut nonces = BTreeSet::new();
    for browser in [house.browser(), ada, staff] {
        for address in addresses(&house).await {
            let page = browser.clone().visit(&address).await;
            let policy = page.header("content-security-policy").to_owned();
            assert!(policy.contains("frame-ancestors 'none'"), "{address}: {policy}");
            assert_eq!(page.header("x-frame-options"), "DENY", "{address}");
            for hole in ["'unsafe-inline'", "'unsafe-eval'", "'unsafe-hashes'", "*", "http:", "https:", "data:"] {
                assert!(!policy.contains(hole), "{address}: {policy}");
            }
            let nonce = policy.split('\'').find_map(|word| word.strip_prefix("nonce-"));
            if let Some(nonce) = nonce {
                assert!(nonces.insert(nonce.to_owned()), "{address} has the nonce of another answer");
            }
            for script in page.body.split("<script").skip(1) {
                let attributes = script.split('>').next().unwrap();
                let own = nonce.is_some_and(|nonce| attributes.contains(&format!("nonce=\"{nonce}\"")));
                assert!(own, "{address}: <script{attributes}>");
            }
            for inline in [" onclick=", " onsubmit=", " onload=", " onerror=", " style=\"", "<style", "javascript:"] {
                assert!(!page.body.contains(inline), "{address} has {inline}");
            }
        }
    }
    assert!(nonces.len() > 20);
}

/// Claims: S002-19
#[tokio::test]
async fn a_line_break_or_a_turned_text_direction_never_leaves_its_field() {
    let house = House::open().await;
    let mut ola = house.person("Ola").await;
    let mut staff = house.staff("Olga").await;
    send(&mut ola, "/rpc/organizations/create", &[("name", "Team")]).await;
    let mut phone = passkeys::device();
    let passkey = passkeys::register(&mut ola, &mut phone, "Phone").await;
    assert_eq!(passkeys::step_up(&mut ola, &mut phone).await.status, 200);
    let id = account_of(&house, &ola).await.to_string();
    let before = house.database.dump().await;
    for hostile in [
        "Ada\r\nBcc: all@example.com",
        "Ada\nX: y",
        "Ada\rX",
        "Ada\u{202e}moc.live",
        "Ada\u{2066}x",
        "Ada\0",
        "Ada\u{1b}[2J",
    ] {
        for (path, field, more) in [
            ("/rpc/accounts/sign_up", "name", sign_up("", "new@example.com").to_vec()),
            ("/rpc/accounts/sign_up", "email", sign_up("Ada", "").to_vec()),
            ("/rpc/accounts/change_name", "name", vec![]),
            ("/rpc/accounts/ask_email_change", "email", vec![]),
            ("/rpc/accounts/ask_reset", "email", vec![]),
            ("/rpc/organizations/create", "name", vec![]),
            ("/rpc/organizations/change", "name", vec![("contact_email", "")]),
            ("/rpc/organizations/change", "contact_email", vec![("name", "Team")]),
            ("/rpc/organizations/invite", "email", vec![("role", "viewer")]),
            ("/rpc/keys/create", "label", vec![("environment", "live"), ("form_token", "t")]),
            ("/rpc/passkeys/rename", "name", vec![("id", passkey.as_str())]),
        ] {
            let value = if field.contains("email") { format!("{hostile}@example.com") } else { hostile.to_owned() };
            let mut fields: Vec<(&str, &str)> = more.into_iter().filter(|(name, _)| *name != field).collect();
            fields.push((field, &value));
            let answer = ola.clone().post(path, &fields).await;
            assert_eq!((answer.status, answer.code().as_str()), (422, "invalid_input"), "{path} {value:?}: {answer:?}");
        }
        let fields = [("id", id.as_str()), ("reason", hostile), ("purpose", "abuse")];
        let answer = staff.post("/rpc/staff/restrict", &fields).await;
        assert_eq!(answer.status, 422, "{hostile:?}: {answer:?}");
        // In an address it does not become a header.
        for path in ["/sign-in?next=", "/step-up?next=", "/console?next=", "/docs/"] {
            let mut browser: Browser = ola.clone();
            let answer = browser.visit(&format!("{path}{}", encoded(hostile))).await;
            for (name, value) in &answer.headers {
                assert!(!value.as_bytes().windows(4).any(|part| part == b"Bcc:"), "{name}: {value:?}");
            }
        }
    }
    assert_eq!(house.database.dump().await, before);
}
