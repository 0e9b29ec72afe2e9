//! The detectors from outside.

mod content;
mod documentation;
mod escape;
mod generator;
mod honest;
mod json;
mod kinds;
mod properties;
