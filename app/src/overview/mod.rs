//! The overview: four steps to the first call, then numbers.

mod overview_page;
pub mod server_fns;

pub use overview_page::OverviewPage;
