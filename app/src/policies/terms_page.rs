//! The terms. Short, and true of what the program does: a sentence here that it does not keep is a defect.

use contract::policies::TERMS_VERSION;
use leptos::prelude::*;
use leptos_meta::Title;

use crate::layout::SitePage;
use crate::paths;
use crate::ui::format::date_in_full;

/// `/terms`
#[component]
#[must_use]
pub fn TermsPage() -> impl IntoView {
    view! {
        <Title text="Terms"/>
        <SitePage>{page()}</SitePage>
    }
    .into_any()
}

pub(crate) fn page() -> AnyView {
    let section = |id: &'static str, title: &'static str, text: AnyView| {
        view! {
            <section class="grid gap-2" aria-labelledby=id>
                <h2 id=id>{title}</h2>
                <div class="prose">{text}</div>
            </section>
        }
        .into_any()
    };
    view! {
        <article class="doc">
            <div class="grid gap-3">
                <p class="small muted">
                    {format!("Version {TERMS_VERSION} · in force since {}", date_in_full(TERMS_VERSION))}
                </p>
                <h1>"Terms"</h1>
                <p class="lead">"What you may expect from us, and what we ask of you, when you use this portal and the APIs behind it."</p>
            </div>
            {section(
                "who",
                "Who agrees to what",
                view! {
                    <p>
                        "“We” are the operator of this portal. “You” are the person who creates an account, and the organization for which you use it. You accept these terms when you sign up; we record which version you accepted, and when."
                    </p>
                }
                    .into_any(),
            )}
            {section(
                "account",
                "Your account",
                view! {
                    <p>
                        "Give an email address that is yours and reaches you: we verify it, and everything important goes there. Choose a password that you use nowhere else. What is done with your account counts as done by you, unless you told us before that someone else had got hold of it."
                    </p>
                }
                    .into_any(),
            )}
            {section(
                "keys",
                "Keys",
                view! {
                    <p>
                        "A key stands for your organization. Its secret is shown once; keep it on your servers or in a secret store, not in a page, an app that others install, a repository or a URL. If it may have leaked, revoke it. A revoked key is refused from then on and never works again."
                    </p>
                }
                    .into_any(),
            )}
            {section(
                "use",
                "What you may do",
                view! {
                    <p>
                        "You may call the APIs from your own programs and build products on the answers, also paid ones. Please do not use them to break the law, to harm others, to look for weaknesses without our consent, or in amounts that make them slow for everyone else. Do not share keys between organizations to hide who calls."
                    </p>
                }
                    .into_any(),
            )}
            {section(
                "service",
                "What we provide",
                view! {
                    <p>
                        "We run the portal and the gateway with care, but we do not promise that they, or the APIs behind them, always work or that every answer is right. A call that we refuse is not charged, and the refusal says why. Every call that we answer stands in your request log."
                    </p>
                }
                    .into_any(),
            )}
            {section(
                "data",
                "Your data",
                view! {
                    <p>
                        "What we store, why, for how long and who receives it stands on the "
                        <a class="link" href=paths::PRIVACY>"privacy page"</a>
                        ", which is part of these terms. We do not sell data, and we show no advertising."
                    </p>
                    <p>
                        "Do not put personal data of your users into key labels or names: they are shown to everyone in your organization and to our staff."
                    </p>
                }
                    .into_any(),
            )}
            {section(
                "end",
                "Ending it",
                view! {
                    <p>
                        "You may stop at any time: revoke your keys. We may revoke a key or close an account that breaks these terms; if others are not in danger, we write to you first and give you time to mend it."
                    </p>
                }
                    .into_any(),
            )}
            {section(
                "liability",
                "Who is liable",
                view! {
                    <p>
                        "We are liable without limit for what we do on purpose or through gross negligence, and wherever the law does not let us limit it. Beyond that we are liable only where we break a duty on which you may rely, and only for damage that could be foreseen."
                    </p>
                }
                    .into_any(),
            )}
            {section(
                "changes",
                "Changes",
                view! {
                    <p>
                        "A new version has a new date and stands at this address. It does not bind you before you have accepted it. Rights that the law of your country gives you as a consumer stay yours whatever is written here."
                    </p>
                }
                    .into_any(),
            )}
        </article>
    }
    .into_any()
}
