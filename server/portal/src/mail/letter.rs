//! One letter, written once: its text and its HTML part come from the same words.

use contract::AccountId;

use crate::PortalSettings;

/// What a mail says.
#[derive(Clone, Debug)]
pub struct Letter {
    /// What kind of mail it is, for the outbox and the log.
    pub kind: &'static str,
    /// The address it goes to.
    pub to: String,
    /// Whose it is.
    pub account: Option<AccountId>,
    /// One line.
    pub subject: String,
    /// The name to greet.
    pub name: String,
    /// What it says, paragraph by paragraph.
    pub paragraphs: Vec<String>,
    /// The one thing to do.
    pub button: Option<Button>,
    /// Why it was sent, as a sentence.
    pub reason: String,
}

/// The one thing to do.
#[derive(Clone, Debug)]
pub struct Button {
    /// A verb.
    pub label: String,
    /// Where it leads.
    pub url: String,
}

impl Letter {
    /// The plain part.
    pub(crate) fn text(&self, portal: &PortalSettings) -> String {
        let mut text = format!("Hello {},\n\n", self.name);
        for paragraph in &self.paragraphs {
            text.push_str(paragraph);
            text.push_str("\n\n");
        }
        if let Some(button) = &self.button {
            text.push_str(&format!("{}:\n{}\n\n", button.label, button.url));
        }
        text.push_str(&format!(
            "--\n{}\nSent to {} by {}.\n{}\n",
            self.reason, self.to, portal.name, portal.public_url
        ));
        text
    }

    /// The HTML part.
    pub(crate) fn html(&self, portal: &PortalSettings) -> String {
        let mut html = format!("<p>Hello {},</p>", escape(&self.name));
        for paragraph in &self.paragraphs {
            html.push_str(&format!("<p>{}</p>", escape(paragraph)));
        }
        if let Some(button) = &self.button {
            html.push_str(&format!("<p><a href=\"{}\">{}</a></p>", escape(&button.url), escape(&button.label)));
        }
        html.push_str(&format!(
            "<p>{} Sent to {} by {}.</p>",
            escape(&self.reason),
            escape(&self.to),
            escape(&portal.name)
        ));
        html
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
