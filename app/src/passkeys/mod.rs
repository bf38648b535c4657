//! Passkeys: what their script asks the server, and what pages must hold for it.
//!
//! A served page that loads `<Script name="passkeys"/>` says with attributes what it wants:
//!
//! | attribute | on | means |
//! |---|---|---|
//! | `data-passkey="sign-in"` | `button` in `.passkey` | signs in; `data-next` is where to go. An `input` whose `autocomplete` ends in `webauthn` offers passkeys too |
//! | `data-passkey="step-up"` | `button` in `.passkey` | confirms; `data-next` is where to go, or `data-submit` sends the form around it |
//! | `data-passkey="create"` | `button` in `.passkey` | adds a passkey; `data-next` is where to go, `data-confirm` the page that confirms first ([`crate::paths::STEP_UP`]), `data-token` that of a verification link |
//! | `data-passkey-name` | `input` | what to call the new passkey |
//! | `data-passkey-status` | an element with `role="alert"`, `hidden` | takes the sentence when something goes wrong |
//! | `data-passkey-when="available"` | anything, `hidden` | shown where the browser can use passkeys |
//! | `data-passkey-when="unavailable"` | anything | hidden there |

mod passkey_button;
pub mod server_fns;

pub use passkey_button::{Or, PasskeyButton, PasskeyFor};
