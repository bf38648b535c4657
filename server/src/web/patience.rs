//! A page that is never finished is drawn again.
//!
//! Leptos 0.8 can lose a wake-up while several threads load what one page shows (leptos-rs/leptos#4851 and #4673 tell of
//! it; 0.8.23 mends most of it): then the drawing never ends, though every part of it is ready. Seldom enough to go
//! unseen for a thousand pages, and for the one person who waits it is always.

use std::future::Future;
use std::time::Duration;

use axum::extract::Request;
use axum::http::{Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};

/// Pages are drawn in some milliseconds; a database under load may take a second.
const PATIENCE: Duration = Duration::from_secs(4);

/// How often a page is drawn anew before we give up.
const TRIES: u32 = 3;

/// Draws until it ends, within bounds. Every drawing past the first is counted.
pub(super) async fn until_drawn<Drawn: Future<Output = Response>>(draw: impl Fn() -> Drawn) -> Response {
    for _ in 0..TRIES {
        match tokio::time::timeout(PATIENCE, draw()).await {
            Ok(page) => return page,
            Err(_) => {
                metrics::counter!("countersign_pages_drawn_again_total").increment(1);
                tracing::warn!("A page was not finished within {PATIENCE:?}, and is drawn again");
            }
        }
    }
    (StatusCode::SERVICE_UNAVAILABLE, "The page could not be drawn in time. Load it again.\n").into_response()
}

/// Does so for whatever is read: reading twice changes nothing.
pub(super) async fn draw_again(request: Request, next: Next) -> Response {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return next.run(request).await;
    }
    let (parts, _) = request.into_parts();
    until_drawn(|| next.clone().run(Request::from_parts(parts.clone(), axum::body::Body::empty()))).await
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_page_that_is_never_finished_is_drawn_again() {
        let drawn = AtomicU32::new(0);
        let page = until_drawn(|| async {
            if drawn.fetch_add(1, Ordering::Relaxed) == 0 {
                std::future::pending::<()>().await;
            }
            "page".into_response()
        })
        .await;
        assert_eq!((page.status(), drawn.into_inner()), (StatusCode::OK, 2));
    }

    #[tokio::test(start_paused = true)]
    async fn what_can_never_be_drawn_ends_with_a_sentence() {
        let page = until_drawn(std::future::pending).await;
        assert_eq!(page.status(), StatusCode::SERVICE_UNAVAILABLE);
    }
}
