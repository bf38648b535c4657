//! One path, one meaning: what programs read differently is refused, and what is matched is forwarded byte for byte.
//!
//! Gateways have been walked around with `..`, encoded slashes and double encoding again and again, because gateway and
//! upstream normalized differently. We normalize nothing.

use std::borrow::Cow;

/// Clients encode once, careless ones twice; the third time is for those who try. So many programs stand behind each other
/// at most, and each may decode.
pub(crate) const DECODINGS: usize = 3;

/// Whether every program reads this path alike. It must be the raw path of the request, as it will be forwarded.
pub(crate) fn is_unambiguous(path: &str) -> bool {
    let Some(rest) = path.strip_prefix('/') else { return false };
    if is_plain(rest) {
        return true;
    }
    let mut segments = rest.split('/').peekable();
    while let Some(segment) = segments.next() {
        // One slash at the end is common and clear.
        let is_last = segments.peek().is_none();
        if segment.is_empty() && !is_last || !segment_is_unambiguous(segment) {
            return false;
        }
    }
    true
}

/// Whether there is nothing to look at twice: most paths are so, and one pass over their bytes shows it.
fn is_plain(rest: &str) -> bool {
    let mut before = b'/';
    for byte in rest.bytes() {
        // A dot matters at the beginning of a segment, a slash where nothing stands before it.
        let is_plain = match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'~' => true,
            b'.' | b'/' => before != b'/',
            _ => false,
        };
        if !is_plain {
            return false;
        }
        before = byte;
    }
    true
}

fn segment_is_unambiguous(segment: &str) -> bool {
    let Some(mut text) = percent_decoded(segment) else { return false };
    for _ in 1..DECODINGS {
        if holds_traversal(&text) || !text.contains('%') {
            break;
        }
        // What is no encoding the second time is just text, beside encodings that are.
        let Ok(again) = String::from_utf8(leniently_decoded(text.as_bytes())) else { return false };
        text = Cow::Owned(again);
    }
    !holds_traversal(&text)
}

fn holds_traversal(segment: &str) -> bool {
    // Servlet containers cut parameters off before they look at dots: `..;x` is `..` there.
    let name = segment.split(';').next().unwrap_or_default();
    matches!(name, "." | "..") || segment.chars().any(|c| matches!(c, '/' | '\\') || c.is_control())
}

/// The text with its percent-encoding undone once; `None` if an encoding is cut or invalid, or the result is not UTF-8
/// (overlong forms of `/` and `.` among it).
pub(crate) fn percent_decoded(text: &str) -> Option<Cow<'_, str>> {
    if !text.contains('%') {
        return Some(Cow::Borrowed(text));
    }
    let mut bytes = text.bytes();
    let mut decoded = Vec::with_capacity(text.len());
    while let Some(byte) = bytes.next() {
        if byte == b'%' {
            decoded.push(hex(bytes.next()?)? << 4 | hex(bytes.next()?)?);
        } else {
            decoded.push(byte);
        }
    }
    String::from_utf8(decoded).ok().map(Cow::Owned)
}

/// Undoes percent-encoding where there is one and leaves the rest, as forgiving programs do.
pub(crate) fn leniently_decoded(text: &[u8]) -> Vec<u8> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut place = 0;
    while let Some(byte) = text.get(place) {
        let digit = |offset: usize| text.get(place + offset).copied().and_then(hex);
        match (*byte == b'%').then(|| Some(digit(1)? << 4 | digit(2)?)).flatten() {
            Some(value) => {
                decoded.push(value);
                place += 3;
            }
            None => {
                decoded.push(*byte);
                place += 1;
            }
        }
    }
    decoded
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_paths_have_one_meaning() {
        for path in [
            "/",
            "/almanac",
            "/almanac/",
            "/almanac/v1/sun/paris",
            "/almanac/v1/sun/S%C3%A3o%20Paulo",
            "/almanac/v1/100%25",
            "/almanac/v1/100%25%20sure",
            "/almanac/v1/...",
            "/almanac/v1/.hidden",
            "/almanac/v1/a..b",
            "/almanac/v1/a;b=c",
            "/almanac/v1/%3F%23",
            "/almanac/v1/café",
        ] {
            assert!(is_unambiguous(path), "{path}");
        }
    }

    #[test]
    fn paths_that_programs_read_differently_are_found() {
        for path in [
            "",
            "*",
            "almanac",
            "//",
            "//almanac",
            "/almanac//v1",
            "/almanac/v1//",
            "/almanac/.",
            "/almanac/./v1",
            "/almanac/..",
            "/almanac/../admin",
            "/almanac/%2e",
            "/almanac/%2e%2e/admin",
            "/almanac/.%2E/admin",
            "/almanac/..;/admin",
            "/almanac/..;x=y/admin",
            "/almanac/%2e%2e%3b/admin",
            "/almanac/a%2fb",
            "/almanac/a%2Fb",
            "/almanac/a%5cb",
            "/almanac/a\\b",
            "/almanac/a%00",
            "/almanac/a%0a",
            "/almanac/a%7f",
            "/almanac/a%C2%85",
            "/almanac/a%",
            "/almanac/a%2",
            "/almanac/a%zz",
            "/almanac/a%+1",
            "/almanac/%c0%af",
            "/almanac/%c0%ae%c0%ae/admin",
            "/almanac/%ff",
            "/almanac/%252e%252e/admin",
            "/almanac/a%252fb",
            "/almanac/a%255cb",
            "/almanac/a%2500",
            "/almanac/%25252e%25252e/admin",
            "/almanac/%25252E%25252f%2578",
            "/almanac/a%25%252f..%252f..%252fadmin",
            "/almanac/%25c0%25ae%25c0%25ae/admin",
        ] {
            assert!(!is_unambiguous(path), "{path}");
        }
    }
}
