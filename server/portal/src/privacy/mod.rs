//! Privacy: one typed register says what is stored, why, for how long and who receives it.
//!
//! The published page is rendered from it, the retention job is driven by it, and tests hold it against the schema of both databases.

mod policy;
pub mod register;
pub mod retention;
#[cfg(test)]
mod tests;

pub use policy::policy;
