//! Stub.

pub mod clock;
pub mod config;
pub mod ops;
pub mod telemetry;
