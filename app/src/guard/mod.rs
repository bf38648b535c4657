//! What forms ask before they are sent: a challenge to prove work on (`app/js/proof.js`).

pub mod server_fns;
