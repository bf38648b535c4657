//! How leaked keys are found, where they are reported, and what happens then.

use contract::leaks::{LeakPolicy, Pattern, PatternDocument, gitleaks_rule, trufflehog_rule};
use leptos::prelude::*;
use leptos_meta::Title;

use super::server_fns::read_patterns;
use crate::error::AppError;
use crate::layout::SitePage;
use crate::paths;
use crate::ui::{ButtonKind, CodeBlock, Failure, LinkButton};

/// `/docs/leaks`
#[component]
#[must_use]
pub fn LeaksDocsPage() -> impl IntoView {
    let patterns = Resource::new_blocking(|| (), |()| read_patterns());
    view! {
        <Title text="Leaked keys"/>
        <SitePage>
            <Suspense>
                {move || Suspend::new(async move { content(patterns.await) })}
            </Suspense>
        </SitePage>
    }
    .into_any()
}

fn content(patterns: Result<PatternDocument, AppError>) -> AnyView {
    let document = match patterns {
        Ok(document) => document,
        Err(error) => return view! { <Failure error/> }.into_any(),
    };
    let PatternDocument { name, patterns, report_url, .. } = document;
    let kinds: Vec<AnyView> = patterns.iter().map(|pattern| kind(&name, pattern)).collect();
    view! {
        <div class="doc">
            <div class="grid gap-3">
                <p class="small muted"><a class="link" href=paths::DOCS>"Docs"</a></p>
                <h1>"Leaked keys"</h1>
                <p class="lead">
                    "A key in a public repository, a screenshot or a log is used by strangers within minutes. This is how it is found, where it is reported, and what happens then."
                </p>
            </div>
            <section class="grid gap-3">
                <h2>"You found one, or lost one"</h2>
                <p>"Paste it into the self-check. It says what the string is and takes your report. The string is not stored."</p>
                <div><LinkButton href=paths::LEAK_CHECK kind=ButtonKind::Primary>"Check or report a key"</LinkButton></div>
            </section>
            {what_happens()}
            <section class="grid gap-3" id="patterns">
                <h2>"What keys look like"</h2>
                <p>
                    "For scanners, as one document: " <a class="link mono" href=paths::KEY_PATTERNS rel="external">{paths::KEY_PATTERNS}</a>
                </p>
                {kinds}
            </section>
            {programmes(&report_url)}
        </div>
    }
    .into_any()
}

fn what_happens() -> AnyView {
    let policies: Vec<AnyView> = LeakPolicy::ALL
        .into_iter()
        .map(|policy| {
            let text = match policy {
                LeakPolicy::Tell => "The owners of the organization and its verified contact address get a mail at once. The key goes on working: replace it.",
                LeakPolicy::Rotate => "They get the mail, and one owner a link to a new secret. The leaked one ends at a fixed time, whether the link is used or not.",
                LeakPolicy::Revoke => "They get the mail, and the gateway refuses the key before the report is answered.",
            };
            view! { <li><b>{policy.word()}</b> ": " {text}</li> }.into_any()
        })
        .collect();
    view! {
        <section class="grid gap-3">
            <h2>"What happens after a report"</h2>
            <p>"Each API says what it asks for. A key can call several APIs, so the strictest of them holds:"</p>
            <ul class="grid gap-2 list-disc pl-6">{policies}</ul>
            <p>
                "We store which key it was, where it was seen (host and path), who said so and when, for 90 days. We do not store the string that was reported. The page of the key shows it, and so does the audit log."
            </p>
        </section>
    }
    .into_any()
}

fn kind(portal: &str, pattern: &Pattern) -> AnyView {
    let Pattern { r#type, name, regex, entropy_bits, checksum, .. } = pattern.clone();
    let (gitleaks, trufflehog) = (gitleaks_rule(portal, pattern), trufflehog_rule(portal, pattern));
    let random = format!("{entropy_bits} random bits");
    view! {
        <div class="grid gap-3">
            <h3>{name}</h3>
            <dl class="kv">
                <dt>"Type"</dt>
                <dd class="mono">{r#type}</dd>
                <dt>"Strength"</dt>
                <dd>{random}</dd>
                <dt>"Checksum"</dt>
                <dd>{checksum}</dd>
            </dl>
            <CodeBlock label="Regular expression" code=regex/>
            <p class="muted">"A rule for gitleaks, for its " <code>".gitleaks.toml"</code> ":"</p>
            <CodeBlock label="Rule for gitleaks" code=gitleaks/>
            <p class="muted">"A detector for trufflehog, for its configuration file:"</p>
            <CodeBlock label="Detector for trufflehog" code=trufflehog/>
        </div>
    }
    .into_any()
}

fn programmes(report_url: &str) -> AnyView {
    let request = format!(
        "POST {report_url}\nContent-Type: application/json\nGithub-Public-Key-Identifier: <id of the key>\nGithub-Public-Key-Signature: <signature, base64>\n\n[{{\"token\": \"…\", \"type\": \"…\", \"url\": \"https://…\", \"source\": \"content\"}}]"
    );
    let answer = "[{\"token_hash\": \"<SHA-256 of the token>\", \"token_type\": \"…\", \"label\": \"true_positive\"}]";
    view! {
        <section class="grid gap-3">
            <h2>"For secret scanning programmes"</h2>
            <p>
                "Reports come in the format of GitHub’s secret scanning partner programme: a JSON list, signed over its bytes with ECDSA on P-256 and SHA-256. The operator lists the public keys of programmes; ask for yours to be listed."
            </p>
            <CodeBlock label="A report" code=request output=true/>
            <p class="muted">
                "At most 1,000 tokens and 1 MiB. The answer says of each whether it is the secret of a key, also of one that works no more. The same report may be sent again: it changes nothing."
            </p>
            <CodeBlock label="The answer" code=answer output=true/>
        </section>
    }
    .into_any()
}
