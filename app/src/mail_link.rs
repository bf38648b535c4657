//! What stands on a page that a link in a mail leads to: what the link offers, or why it offers nothing any more and where
//! to get another. Reading uses nothing up; the form on the page does.

use std::future::Future;

use leptos::prelude::*;
use leptos_router::hooks::use_query_map;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::AppError;
use crate::ui::Failure;

/// Reads what the link behind this address offers, and draws `form` with it and the link's token; `otherwise` says where
/// to go from a link that offers nothing.
pub fn offered<Offer, Read>(
    read: impl Fn(String) -> Read + Send + Sync + 'static,
    form: impl Fn(Offer, String) -> AnyView + Clone + Send + Sync + 'static,
    otherwise: fn() -> AnyView,
) -> AnyView
where
    Offer: Clone + Send + Sync + Serialize + DeserializeOwned + 'static,
    Read: Future<Output = Result<Offer, AppError>> + Send + 'static,
{
    let token = use_query_map().get_untracked().get("token").unwrap_or_default();
    let asked = token.clone();
    let offer = Resource::new_blocking(|| (), move |()| read(asked.clone()));
    view! {
        <Suspense>
            {move || {
                let (token, form) = (token.clone(), form.clone());
                Suspend::new(async move {
                    match offer.await {
                        Ok(offer) => form(offer, token),
                        Err(error) => view! { <Failure error/> {otherwise()} }.into_any(),
                    }
                })
            }}
        </Suspense>
    }
    .into_any()
}
