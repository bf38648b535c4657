//! Plans of APIs, as staff make them.

mod plan_page;
pub mod server_fns;

pub use plan_page::PlanPage;
