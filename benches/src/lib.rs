//! What the measurements share: servers as child processes, load on them, and how figures are summed up.

mod load;
mod server;

pub use load::Load;
pub use server::{Candidate, Server, free_address};

/// The middle of an odd number of figures.
pub fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}

/// The least and the greatest of some figures.
pub fn range(figures: &[f64]) -> (f64, f64) {
    figures.iter().fold((f64::MAX, 0.0), |(low, high), figure| (figure.min(low), figure.max(high)))
}
