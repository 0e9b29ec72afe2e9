//! The detectors from outside.

mod content;
mod escape;
mod generator;
mod honest;
mod json;
mod kinds;
mod properties;
