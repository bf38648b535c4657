//! Tags: a word and a shape, so that colour never stands alone.

use leptos::prelude::*;

/// What a tag, notice or meter says besides its words.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tone {
    /// Nothing more: no colour, no shape.
    #[default]
    Neutral,
    /// It is as it should be: a disc.
    Ok,
    /// Look at it soon: a triangle.
    Warn,
    /// It is wrong, or gone: a diamond.
    Bad,
    /// Something to know: a square.
    Info,
    /// Ours: a ring.
    Accent,
}

impl Tone {
    /// All of them, for the gallery.
    pub const ALL: [Self; 6] = [Self::Neutral, Self::Ok, Self::Warn, Self::Bad, Self::Info, Self::Accent];

    const fn tag_class(self) -> &'static str {
        match self {
            Self::Neutral => "tag",
            Self::Ok => "tag tone-ok",
            Self::Warn => "tag tone-warn",
            Self::Bad => "tag tone-bad",
            Self::Info => "tag tone-info",
            Self::Accent => "tag tone-accent",
        }
    }

    /// The shape, on a field of 8 by 8.
    const fn shape(self) -> &'static str {
        match self {
            Self::Neutral => "",
            Self::Ok => "M4 1a3 3 0 1 1 0 6a3 3 0 1 1 0-6z",
            Self::Warn => "M4 .6 7.8 7.4H.2z",
            Self::Bad => "M4 0 8 4 4 8 0 4z",
            Self::Info => "M1 1h6v6H1z",
            Self::Accent => "M4 .5a3.5 3.5 0 1 1 0 7a3.5 3.5 0 1 1 0-7zm0 2a1.5 1.5 0 1 0 0 3a1.5 1.5 0 1 0 0-3z",
        }
    }
}

/// A word with a shape and a colour.
#[component]
#[must_use]
pub fn Tag(
    /// What it says besides its words.
    #[prop(optional)]
    tone: Tone,
    /// The word.
    children: Children,
) -> impl IntoView {
    let shape = (!tone.shape().is_empty()).then(
        || view! { <svg viewBox="0 0 8 8" width="8" height="8" aria-hidden="true"><path d=tone.shape()></path></svg> },
    );
    view! { <span class=tone.tag_class()>{shape}{children()}</span> }.into_any()
}

/// An HTTP status: its number is the word, its colour repeats the class.
#[component]
#[must_use]
pub fn StatusCode(
    /// Such as 429.
    status: u16,
) -> impl IntoView {
    let class = match status {
        200..=299 => "status s2",
        400..=499 => "status s4",
        500..=599 => "status s5",
        _ => "status",
    };
    view! { <span class=class>{status}</span> }
}
