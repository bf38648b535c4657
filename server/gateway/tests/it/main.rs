//! The gateway over real sockets: ports in memory, real upstreams on port 0, real clients.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod admission;
mod bounds;
mod drain;
mod failures;
mod forwarding;
mod harness;
mod keys;
mod measures;
mod paths;
mod profiles;
mod protocols;
mod reach;
mod rows;
mod smuggling;
mod upgrades;
mod wire;
