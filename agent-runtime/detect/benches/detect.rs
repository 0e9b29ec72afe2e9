//! The detectors beside text that somebody made up for them.

fn main() {}
