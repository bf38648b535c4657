//! What frames ask the server.

use leptos::prelude::*;
use leptos::server_fn::codec::GetUrl;

use super::Frame;
use crate::error::AppError;

/// The portal's name, and who is signed in.
///
/// # Errors
/// Only when the server itself fails: nobody being signed in is an answer.
#[server(prefix = "/rpc", endpoint = "frame/read", input = GetUrl)]
pub async fn read_frame() -> Result<Frame, AppError> {
    crate::backend::frame().await
}
