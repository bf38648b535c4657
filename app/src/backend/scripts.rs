//! The scripts of served pages: written by hand in `app/js`, carried in the program, named by their content.

use std::fmt::Write as _;

use leptos::prelude::*;

struct Script {
    name: &'static str,
    source: &'static str,
    hash: u64,
}

const fn script(name: &'static str, source: &'static str) -> Script {
    Script { name, source, hash: hash(source.as_bytes()) }
}

static SCRIPTS: [Script; 4] = [
    script("passkeys", include_str!("../../js/passkeys.js")),
    script("proof", include_str!("../../js/proof.js")),
    script("recovery_codes", include_str!("../../js/recovery_codes.js")),
    script("site", include_str!("../../js/site.js")),
];

/// FNV-1a (Fowler, Noll, Vo): tells one version of a file from the next, and needs to do no more.
const fn hash(bytes: &[u8]) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325;
    let mut place = 0;
    while place < bytes.len() {
        hash = (hash ^ bytes[place] as u64).wrapping_mul(0x0100_0000_01b3);
        place += 1;
    }
    hash
}

impl Script {
    fn file(&self) -> String {
        let mut file = String::from(self.name);
        let _ = write!(file, ".{:016x}.js", self.hash); // writing to a string cannot fail
        file
    }
}

/// The text of a script, by the name of its file: `site.0123456789abcdef.js`. Nothing for any other version of it.
#[must_use]
pub fn script_file(file: &str) -> Option<&'static str> {
    SCRIPTS.iter().find(|script| script.file() == file).map(|script| script.source)
}

/// Loads a script. One that is not on the list is a mistake in a page, which works without it.
pub(super) fn script_tag(name: &'static str) -> AnyView {
    let Some(script) = SCRIPTS.iter().find(|script| script.name == name) else {
        tracing::error!("A page asks for the script {name}, which does not exist");
        return ().into_any();
    };
    let address = format!("/js/{}", script.file());
    view! { <script r#type="module" src=address nonce=use_nonce()></script> }.into_any()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

    use std::path::Path;

    use super::*;

    #[test]
    fn every_script_in_the_folder_is_served_under_its_name() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("js");
        let mut names: Vec<String> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned())
            .collect();
        names.sort_unstable();
        assert_eq!(names, SCRIPTS.iter().map(|script| script.name).collect::<Vec<_>>());
    }

    #[test]
    fn another_text_has_another_address() {
        let [one, other] = ["a", "b"].map(|source| script("site", source).file());
        assert_ne!(one, other);
        // The published test vectors of FNV-1a.
        assert_eq!(hash(b""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(hash(b"foobar"), 0x8594_4171_f739_67e8);
    }

    #[test]
    fn only_the_version_that_is_carried_is_known() {
        let site = SCRIPTS.iter().find(|script| script.name == "site").unwrap();
        assert_eq!(script_file(&site.file()), Some(site.source));
        for other in ["site.js", "site.0000000000000000.js", "", "../site.js"] {
            assert_eq!(script_file(other), None, "{other:?}");
        }
    }

    #[test]
    fn the_script_of_every_page_stays_small() {
        let site = SCRIPTS.iter().find(|script| script.name == "site").unwrap();
        assert!(site.source.len() <= 5_000, "site.js has {} bytes", site.source.len());
    }
}
