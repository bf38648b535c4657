//! The doors of the program: pages, forms, live stream, gateway, command line. In memory where that shows the same,
//! over sockets and with the real program where it does not.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod anonymous_coverage;
mod bad_requests;
mod command_line;
mod cross_site;
mod demo_only;
mod duplicates;
mod forms;
mod harness;
mod headers;
mod links;
mod live;
mod main_job;
mod process;
mod sessions;
