//! What a page can be answered with instead of what it asked for.

use contract::Refusal;
use leptos::prelude::*;
use leptos::server_fn::codec::JsonEncoding;
use serde::{Deserialize, Serialize};

/// Why a call of the browser was not answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum AppError {
    /// The server understood and said no.
    Refused(Refusal),
    /// The server failed; the reference finds it in the log.
    Broken {
        /// The request's id.
        reference: String,
    },
    /// The server did not answer.
    Unreachable,
}

impl AppError {
    /// The refusal, if it is one.
    #[must_use]
    pub const fn refusal(&self) -> Option<&Refusal> {
        match self {
            Self::Refused(refusal) => Some(refusal),
            Self::Broken { .. } | Self::Unreachable => None,
        }
    }
}

impl FromServerFnError for AppError {
    type Encoder = JsonEncoding;

    /// A form that our own page cannot have sent, such as one without its fields, is refused like any other.
    fn from_server_fn_error(error: ServerFnErrorErr) -> Self {
        match error {
            ServerFnErrorErr::Args(_) | ServerFnErrorErr::MissingArg(_) => {
                Self::Refused(Refusal::InvalidInput { fields: Vec::new() })
            }
            // On the server it is the question that cannot be read, in the browser the answer.
            ServerFnErrorErr::Deserialization(_) if !cfg!(target_family = "wasm") => {
                Self::Refused(Refusal::InvalidInput { fields: Vec::new() })
            }
            _ => Self::Unreachable,
        }
    }
}
