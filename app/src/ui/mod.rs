//! The kit: small components that every page is made of.
//!
//! Each draws one part of `style/app.css`. None fetches data, none knows a page, and each prints the same on the server
//! and in the browser until an effect runs. On served pages no effect runs: there `app/js/site.js` does the same by the
//! names and attributes that stand here. `/dev/gallery` shows all of them in every state.

mod button;
mod card;
pub mod chart;
mod checkbox;
mod code_block;
mod coded;
mod copy_button;
mod dialog;
mod empty_state;
mod env_switch;
mod failure;
mod field;
mod form_errors;
pub mod format;
mod hydrated;
mod icon;
mod log_table;
mod mark;
mod meter;
mod notice;
mod pager;
mod password_field;
mod script;
mod secret;
mod select;
mod skeleton;
mod stat;
mod steps;
mod table;
mod tabs;
mod tag;
mod text_area;
mod text_field;
mod theme_switch;
mod time;

pub use button::{Button, ButtonKind, LinkButton};
pub use card::Card;
pub use checkbox::Checkbox;
pub use code_block::CodeBlock;
pub use coded::Coded;
pub use copy_button::CopyButton;
pub use dialog::{Dialog, DialogActions, DialogButton, DialogClose, close_dialog};
pub use empty_state::EmptyState;
pub use env_switch::EnvSwitch;
pub use failure::Failure;
pub use field::Field;
pub use form_errors::FormErrors;
pub use hydrated::use_hydrated;
pub use icon::{Icon, IconView};
pub use log_table::{LatencyBar, LogTable};
pub use mark::Mark;
pub use meter::Meter;
pub use notice::{Note, Notice};
pub use pager::Pager;
pub use password_field::PasswordField;
pub use script::{Script, Scripts};
pub use secret::SecretText;
pub use select::Select;
pub use skeleton::{Skeleton, SkeletonChart};
pub use stat::{Stat, Stats};
pub use steps::{Step, Steps};
pub use table::{Column, Table};
pub use tabs::{Tab, Tabs};
pub use tag::{StatusCode, Tag, Tone};
pub use text_area::TextArea;
pub use text_field::{InputKind, TextField};
pub use theme_switch::ThemeSwitch;
pub use time::{Clock, Time, provide_clock, provide_clock_at};
