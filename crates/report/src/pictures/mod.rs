//! One file a picture. Each puts a figure into a page, or nothing where the record has nothing to show.

mod all_steps;
mod bars;
mod learning;
mod phases;
mod roofline;
mod steps;
mod sweep;
mod telemetry;
mod unit;

pub use bars::{Bar, bars};
pub use learning::learning;
pub use phases::phases;
pub use roofline::roofline;
pub use steps::steps;
pub use sweep::sweeps;
pub use telemetry::telemetry;

use crate::html::Html;

/// A picture under its heading, with what is said below it.
fn figure(html: &mut Html, heading: &str, draw: impl FnOnce(&mut Html)) {
    html.element("figure", &[], |html| {
        html.line("figcaption", &[], heading);
        draw(html);
    });
}

/// What is said below a picture.
fn caption(html: &mut Html, text: &str) {
    html.line("p", &[("class", "caption")], text);
}
