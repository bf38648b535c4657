//! Looking changes nothing: every page and every function that reads, as everybody. Pages with the tokens of links stand
//! in `link_scanners`.

use axum::body::Body;
use axum::http::{Method, header};

use crate::anonymous_coverage::server_functions;
use crate::fixture::{Fixture, account_of, fixture};
use crate::harness::House;

/// The address of every page, its parameters filled in, and of the pages that are not the app's.
pub async fn addresses(house: &House) -> Vec<String> {
    let someone = house.database.texts("SELECT email FROM accounts ORDER BY email LIMIT 1".to_owned(), 1).await;
    assert_eq!(someone.len(), 1);
    let server::web::Pages { live, served } = server::web::pages();
    let pages = live.iter().chain(&served).map(|page| {
        let path = page.path().replace("{api}", "almanac").replace("{code}", "missing_key");
        let path = path.replace("{plan}", "new").replace("{subscription}", "sub_00000000000000000000000001");
        let path = path.replace("{id}", "acc_00000000000000000000000001");
        assert!(!path.contains('{'), "say what stands in {path}");
        if path.is_empty() { "/".to_owned() } else { path }
    });
    pages.chain(["/dev/mailbox", "/dev/gallery", "/nothing"].map(str::to_owned)).collect()
}

/// Queries with which functions that read are asked: nothing, and what each knows.
pub fn queries(form_tokens: &[String], account: &str) -> Vec<String> {
    let mut all = vec![
        String::new(),
        format!("id={account}&purpose=help_asked&query=Ada"),
        "scope=operator&environment=live&range=day&slug=almanac&form=sign_up&next=/console".to_owned(),
        "environment=test&range=month&form=create_key&purpose=sign_up".to_owned(),
    ];
    all.extend(form_tokens.iter().map(|token| format!("token={token}")));
    all
}

/// Claims: S002-19
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_changed_by_looking_at_it() {
    let Fixture { house, forms, staff, ada } = fixture().await;
    let account = account_of(&house, &ada).await.to_string();
    let tokens: Vec<String> = forms
        .iter()
        .flat_map(|form| form.fields().into_iter().filter(|(name, _)| *name == "token"))
        .map(|(_, token)| token.to_owned())
        .collect();
    let people = [("nobody", house.browser()), ("Ada", ada), ("staff", staff), ("Sam", forms[9].by.clone())];
    for (who, browser) in people {
        let before = house.database.dump().await;
        for address in addresses(&house).await {
            for method in [Method::GET, Method::HEAD] {
                let mut browser = browser.clone();
                let mut request = browser.request(method, &address).body(Body::empty()).unwrap();
                request.headers_mut().insert(header::ACCEPT, "text/html".parse().unwrap());
                let answer = browser.send(request).await;
                assert!(answer.status < 500, "{who} at {address}: {answer:?}");
                assert!(answer.cookie("cs_session").is_none(), "{who} at {address}: {answer:?}");
            }
        }
        for (path, method) in server_functions() {
            if method != Method::GET {
                continue;
            }
            for query in queries(&tokens, &account) {
                let answer = browser.clone().get(&format!("{path}?{query}")).await;
                assert!(answer.status < 500, "{who} at {path}?{query}: {answer:?}");
            }
        }
        let mut after = house.database.dump().await;
        let mut before = before;
        if who == "staff" {
            // What staff look at is written down.
            for table in ["audit_events", "audit_head", "audit_personal"] {
                let (was, is) = (before.remove(table).unwrap(), after.remove(table).unwrap());
                assert!(is.len() >= was.len(), "{table}");
            }
        }
        assert_eq!(after, before, "{who} changed something by looking");
    }
}
