//! Keys of another system: imported through the door of staff, presented to a real gateway, followed on their page.

use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};

use crate::harness::{Browser, House, soon};

const CALL: &str = "/almanac/v1/sun/lisbon";

fn old(number: u32) -> String {
    format!("old_{number:024}")
}

fn sha256(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

fn fields(rows: &str) -> [(&'static str, String); 5] {
    [
        ("prefix", "old_".to_owned()),
        ("length_min", "28".to_owned()),
        ("length_max", "28".to_owned()),
        ("alphabet", "base62".to_owned()),
        ("rows", rows.to_owned()),
    ]
}

fn borrowed<'a>(fields: &'a [(&'static str, String)]) -> Vec<(&'a str, &'a str)> {
    fields.iter().map(|(name, value)| (*name, value.as_str())).collect()
}

/// Claims: MAST-11, FLOW-60
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_of_another_system_works_at_once_and_is_hashed_like_ours_with_its_first_call() {
    let house = House::open().await;
    let address = house.open_gateway().await;
    let ada = house.person("Ada").await;
    let staff = house.staff("Olga").await;
    let mut program = Browser::at_socket(&address);
    // Before anything was imported, it is no key at all.
    assert_eq!(program.call(CALL, &old(1)).await.code(), "malformed_key");

    let rows =
        format!("{},Server,ada@example.com,live\n{},Cron,ada@example.com,test", sha256(&old(1)), sha256(&old(2)));
    let made = staff.without_script().post("/admin/imports", &borrowed(&fields(&rows))).await;
    let page = made.leads_to();
    assert!(page.starts_with("/admin/imports/imp_") && page.ends_with("?done=imported"), "{made:?}");
    let shown = staff.clone().visit(page).await;
    assert!(shown.body.contains("The keys are imported.") && shown.body.contains("Cron"), "{shown:?}");

    // It works at once; one that looks so and is none is unknown, and of its end nothing is kept.
    assert_eq!(program.call(CALL, &old(1)).await.status, 200);
    assert_eq!(program.call(CALL, &old(3)).await.code(), "unknown_key");
    assert_eq!(program.call(CALL, "new_000000000000000000000001").await.code(), "malformed_key");
    let id = page.trim_start_matches("/admin/imports/").split('?').next().unwrap().parse().unwrap();
    let op = crate::harness::system(&house.portal);
    soon("the key's new hash", async {
        while portal::imports::see(&op, id).await.unwrap().import.rekeyed == 0 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    let known = |hash| gateway::KeyDirectory::find(&*house.directories, &hash).is_some();
    assert!(known(crate::harness::hasher().hash(&old(1))));
    assert!(!crate::harness::hasher().imported_as(&old(1)).any(known), "it is known by its text alone");
    assert_eq!(program.call(CALL, &old(1)).await.status, 200);
    let shown = staff.clone().visit(page.split('?').next().unwrap()).await;
    assert!(shown.body.contains("Cron") && !shown.body.contains(">Server<"), "{shown:?}");

    // Its owner sees it as any other key.
    let mut ada = ada;
    let keys = ada.visit("/console/keys").await;
    assert!(keys.body.contains("old_…") && !keys.body.contains("0001"), "{keys:?}");
}

#[tokio::test]
async fn a_refused_import_shows_each_bad_line_and_loses_nothing() {
    let house = House::open().await;
    house.person("Ada").await;
    let staff = house.staff("Olga").await;
    let rows = format!("{},Server,ada@example.com,live\nnonsense,<b>,nobody,live\n", sha256(&old(1)));
    let refused = staff.without_script().post("/admin/imports", &borrowed(&fields(&rows))).await;
    assert_eq!(refused.status, 422, "{refused:?}");
    for words in ["Line 2, sha256", "Line 2, organization", "nonsense,&lt;b&gt;,nobody,live", "value=\"old_\""] {
        assert!(refused.body.contains(words), "{words}: {refused:?}");
    }
    assert_eq!(house.database.count("imports").await, 0);

    // Whoever has to confirm first keeps what they typed.
    house.age("olga@example.com").await;
    let rows = format!("{},Server,ada@example.com,live", sha256(&old(1)));
    let asked = staff.without_script().post("/admin/imports", &borrowed(&fields(&rows))).await;
    assert!(asked.body.contains("Confirm in another tab") && asked.body.contains(&sha256(&old(1))), "{asked:?}");
    assert_eq!(house.database.count("imports").await, 0);
}
