//! What a mail says, and the one template that makes text and HTML of it.

use std::fmt::Write as _;

use contract::AccountId;

use crate::PortalSettings;

/// A mail before it is written: greeting, paragraphs, at most one button, and why the reader gets it.
#[derive(Clone, Debug)]
pub struct Letter {
    /// Which mail it is, for the outbox and the log: a word like `verify_email`.
    pub kind: &'static str,
    /// The address it goes to.
    pub to: String,
    /// Whose account it concerns; the mail goes when the account is erased.
    pub account: Option<AccountId>,
    /// What it is about, in a few words.
    pub subject: String,
    /// Whom it greets.
    pub name: String,
    /// What it says.
    pub paragraphs: Vec<String>,
    /// What to do.
    pub button: Option<Button>,
    /// Why the reader gets it: one sentence.
    pub reason: String,
}

/// A link with a label.
#[derive(Clone)]
pub struct Button {
    /// What happens.
    pub label: String,
    /// Where.
    pub url: String,
}

impl std::fmt::Debug for Button {
    // The link acts for its owner, so it is never printed.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Button").field("label", &self.label).finish_non_exhaustive()
    }
}

impl Letter {
    /// The subject on one line: a line break in a header would start another header.
    pub(super) fn subject_line(&self) -> String {
        line(&self.subject)
    }

    pub(super) fn text(&self, portal: &PortalSettings) -> String {
        let mut text = format!("Hello {},\n", line(&self.name));
        for paragraph in &self.paragraphs {
            let _ = write!(text, "\n{}\n", line(paragraph));
        }
        if let Some(Button { label, url }) = &self.button {
            let _ = write!(text, "\n{}:\n{url}\n", line(label));
        }
        let _ = write!(
            text,
            "\n{}\nSent to {}.\n{}, {}\n",
            line(&self.reason),
            line(&self.to),
            line(&portal.name),
            portal.public_url
        );
        text
    }

    pub(super) fn html(&self, portal: &PortalSettings) -> String {
        let mut body = String::new();
        // `bdi`: a name that is written from right to left must not turn the comma and what follows.
        let _ = writeln!(body, "<p>Hello <bdi>{}</bdi>,</p>", escape(&line(&self.name)));
        for paragraph in &self.paragraphs {
            let _ = writeln!(body, "<p dir=\"auto\">{}</p>", escape(&line(paragraph)));
        }
        if let Some(Button { label, url }) = &self.button {
            let (label, url) = (escape(&line(label)), escape(url));
            let _ = writeln!(
                body,
                "<p style=\"margin:24px 0\"><a href=\"{url}\" style=\"{BUTTON}\">{label}</a></p>\n\
                 <p style=\"{SMALL}\">If the button does not work, copy this address into your browser:<br>{url}</p>"
            );
        }
        format!(
            "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width\">\n<meta name=\"color-scheme\" content=\"light dark\">\n\
             <title>{subject}</title>\n</head>\n<body style=\"{BODY}\">\n<div style=\"max-width:560px;margin:0 auto\">\n\
             {body}<hr style=\"border:0;border-top:1px solid #8888;margin:32px 0 16px\">\n\
             <p style=\"{SMALL}\">{reason}<br>Sent to {to}.<br><a href=\"{home}\" style=\"color:inherit\">{portal}</a></p>\n\
             </div>\n</body>\n</html>\n",
            subject = escape(&self.subject_line()),
            reason = escape(&line(&self.reason)),
            to = escape(&line(&self.to)),
            home = escape(&portal.public_url),
            portal = escape(&line(&portal.name)),
        )
    }
}

// Mail programs drop style sheets, so styles stand at each element.
const BODY: &str = "margin:0;padding:32px 16px;font:16px/1.5 system-ui,-apple-system,'Segoe UI',sans-serif";
const SMALL: &str = "font-size:13px;line-height:1.5;opacity:.75;overflow-wrap:anywhere";
const BUTTON: &str = "display:inline-block;padding:12px 20px;border:1px solid #6b7280;border-radius:8px;background:#1f2937;color:#ffffff;\
                      text-decoration:none;font-weight:600";

/// One line: whatever breaks lines or cannot be seen becomes a space. Joiners and combining marks stay, names need them.
fn line(text: &str) -> String {
    let breaks = |c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}');
    text.trim().chars().map(|c| if breaks(c) { ' ' } else { c }).collect()
}

fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            c => escaped.push(c),
        }
    }
    escaped
}
