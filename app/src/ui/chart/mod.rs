//! Charts: integers in, SVG out. Drawn on the server, complete without a script.
//!
//! Positions across are percent and positions down are pixels, so that a chart fits every width and its text keeps its
//! size. All arithmetic is in integers: the browser draws the very same bytes.

mod bars;
mod scale;
mod spark;

pub use bars::Bars;
pub use scale::Scale;
pub use spark::Spark;
