//! `countersign`: developer portal, key service and gateway.

use std::process::ExitCode;

fn main() -> ExitCode {
    server::cli::run()
}
