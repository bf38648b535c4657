//! What every frame shows: the portal's name, and who is signed in.

use contract::Millis;
use contract::accounts::Me;
use leptos::prelude::*;
use serde::{Deserialize, Serialize};

use super::server_fns::read_frame;
use crate::error::AppError;

/// The portal's name, and who is signed in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Frame {
    /// What the operator calls the portal: "Almanac API".
    pub name: String,
    /// Who is signed in, if anyone.
    pub me: Option<Me>,
    /// The server's time: what "4 min ago" counts from in the first view, on both sides.
    pub now: Millis,
}

impl Frame {
    /// What a page shows when the frame itself could not be read: it still has a head and its links.
    #[must_use]
    pub fn unknown() -> Self {
        Self { name: "Developer portal".to_owned(), me: None, now: 0 }
    }
}

/// The resource behind every frame.
#[derive(Clone, Copy)]
pub(super) struct Shared(Resource<Result<Frame, AppError>>);

/// Reads the frame once for all live pages, or for one served page; after sign-in and sign-out the page is loaded anew.
pub fn provide_frame() {
    provide_context(Shared(Resource::new(|| (), |()| read_frame())));
}

/// The frame of this page. Read it under a `Suspense`.
#[must_use]
pub fn use_frame() -> Resource<Result<Frame, AppError>> {
    match use_context::<Shared>() {
        Some(shared) => shared.0,
        None => Resource::new(|| (), |()| read_frame()),
    }
}
