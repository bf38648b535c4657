//! The doors of the program: pages, forms, live stream, gateway, command line. In memory where that shows the same,
//! over sockets and with the real program where it does not.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod anonymous_coverage;
mod api_calls;
mod api_matrix;
mod apis;
mod bad_requests;
mod brute_force;
mod canary;
mod command_line;
mod cookies;
mod cross_site;
mod demo_only;
mod desk;
mod duplicates;
mod enumeration;
mod extra_fields;
mod fixture;
mod forged_state;
mod forms;
mod harness;
mod headers;
mod imports;
mod kill;
mod leaks;
mod link_scanners;
mod links;
mod live;
mod main_job;
mod markup;
mod matrix;
mod organizations;
mod passkeys;
mod process;
mod quotas;
mod reading;
mod revocation;
mod rotation;
mod secrets;
mod served;
mod sessions;
mod several;
mod step_up;
mod tries;
