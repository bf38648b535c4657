//! The binary: settings, listeners, doors. No rule and no query: those are in `portal`.

pub mod api;
pub mod cli;
pub mod clock;
pub mod config;
pub mod demo;
pub mod directories;
pub mod ops;
pub mod processes;
pub mod serve;
pub mod telemetry;
pub mod web;
