//! What we take from a request about the browser behind it: a family name, the device cookie, and a source for limits.

use std::net::SocketAddr;

use app::backend::device_cookie;
use axum::extract::ConnectInfo;
use axum::extract::Request;
use axum::http::header;
use axum_extra::extract::CookieJar;
use gateway::client_of;
use portal::Browser;
use portal::guard::Source;
use portal::sessions::DeviceToken;

use super::WebSettings;

/// The browser behind a request.
pub(super) fn browser(request: &Request, cookies: &CookieJar, web: &WebSettings) -> Browser {
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(peer)| peer.ip());
    let agent = request.headers().get(header::USER_AGENT).and_then(|agent| agent.to_str().ok()).unwrap_or_default();
    Browser {
        label: label(agent),
        device: cookies.get(device_cookie(web.secure_cookies)).and_then(|cookie| DeviceToken::read(cookie.value())),
        source: peer
            .map_or_else(Source::unknown, |peer| Source::new(client_of(peer, request.headers(), &web.trusted_proxies))),
    }
}

/// The family of a browser and of its system, and nothing finer: enough to recognise one's own, too little to
/// recognise anybody else's.
fn label(agent: &str) -> String {
    // The order matters: each also says the names of those after it.
    let browser = [
        ("Edg", "Edge"),
        ("OPR/", "Opera"),
        ("SamsungBrowser/", "Samsung Internet"),
        ("Firefox/", "Firefox"),
        ("FxiOS/", "Firefox"),
        ("CriOS/", "Chrome"),
        ("Chrome/", "Chrome"),
        ("Safari/", "Safari"),
        ("curl/", "curl"),
    ]
    .into_iter()
    .find(|(mark, _)| agent.contains(mark))
    .map(|(_, name)| name);
    let system = [
        ("iPhone", "iPhone"),
        ("iPad", "iPad"),
        ("Android", "Android"),
        ("CrOS", "ChromeOS"),
        ("Windows", "Windows"),
        ("Macintosh", "Mac"),
        ("Linux", "Linux"),
    ]
    .into_iter()
    .find(|(mark, _)| agent.contains(mark))
    .map(|(_, name)| name);
    match (browser, system) {
        (Some(browser), Some(system)) => format!("{browser} on {system}"),
        (Some(name), None) | (None, Some(name)) => name.to_owned(),
        (None, None) => String::new(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_browser_is_named_by_its_family_alone() {
        for (agent, wanted) in [
            ("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "Firefox on Linux"),
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36 Edg/140.0",
                "Edge on Windows",
            ),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1",
                "Safari on iPhone",
            ),
            (
                "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Mobile Safari/537.36",
                "Chrome on Android",
            ),
            ("curl/8.5.0", "curl"),
            ("\u{202e}evil <script>", ""),
        ] {
            assert_eq!(label(agent), wanted);
        }
    }
}
