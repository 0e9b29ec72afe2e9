//! Where a runtime may die: the points in the life of a run, and the one at which it does.

use std::sync::atomic::{AtomicUsize, Ordering};

use clap::ValueEnum;

/// A point in the life of a run. "Written" is what memory has returned from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, ValueEnum)]
pub enum Point {
    /// It is about to be written down for the first time.
    AcceptedBeforeWrite,
    /// It is written down; its caller has not been told.
    AcceptedAfterWrite,
    /// Its lease was taken, by its turn in a session or after the death of another process.
    Claimed,
    /// A question has reached the model.
    ModelAsked,
    /// The first piece of an answer has come.
    ModelFirstDelta,
    /// The model has answered and asks for what can be done twice; the answer is about to be written.
    ModelAnsweredBeforeWrite,
    /// That answer is written.
    ModelAnsweredAfterWrite,
    /// A call that cannot be made twice was decided; the word that it begins is about to be written, with its answer.
    ToolDecided,
    /// That word is written; the call has not begun.
    ToolWordWritten,
    /// A tool whose effect may not be made twice has made it, and not answered.
    ToolInEffect,
    /// A tool has answered; the answer is about to be written.
    ToolAnsweredBeforeWrite,
    /// That answer is written.
    ToolAnsweredAfterWrite,
    /// The run is over; its end is about to be written.
    EndBeforeWrite,
    /// Its end is written; its caller has not been told.
    EndAfterWrite,
}

impl Point {
    /// All of them, in the order of a run.
    pub fn all() -> &'static [Self] {
        Self::value_variants()
    }

    /// Its name, in kebab case.
    pub fn name(self) -> String {
        self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }
}

/// The end of a life: at the n-th passing of a point, or not by itself.
pub struct Death(Option<At>);

struct At {
    point: Point,
    /// Passings that are left.
    left: AtomicUsize,
    end: Box<dyn Fn() + Send + Sync>,
}

impl Death {
    /// A life without an end of its own.
    pub fn never() -> Self {
        Self(None)
    }

    /// `end` is called at this passing of the point, counted from one.
    pub fn at(point: Point, passing: usize, end: impl Fn() + Send + Sync + 'static) -> Self {
        Self(Some(At { point, left: AtomicUsize::new(passing), end: Box::new(end) }))
    }

    /// Tells that a run passes a point.
    pub(super) fn pass(&self, passed: Point) {
        let Self(Some(At { point, left, end })) = self else { return };
        if *point == passed && left.fetch_sub(1, Ordering::SeqCst) == 1 {
            end();
        }
    }
}
