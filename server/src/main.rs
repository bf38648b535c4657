//! `countersign`: developer portal, key service and gateway.

use std::process::ExitCode;

/// A request allocates some sixty times, most of them in libraries: glibc's allocator took a seventh of its time.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    server::cli::run()
}
