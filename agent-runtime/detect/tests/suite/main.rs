//! The detectors from outside.
