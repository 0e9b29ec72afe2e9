//! Functions that call themselves without an end, or make what cannot be walked otherwise.

use std::fmt;
use std::hint::black_box;

use serde_json::{Value, json};

use super::functions;
use crate::case::Ending::{Refused, Stack};

functions! {
    recurse: Stack => deeper(0).into(),
    recurse_by_turns: Stack => ping(0).into(),
    recurse_by_closures: Stack => { let again = Again(&|again, n| (again.0)(again, n + 1) + 1); (again.0)(&again, 0).into() },
    recurse_in_display: Stack => Inner.to_string().into(),
    recurse_in_iterators: Stack => chained(1 << 17).sum::<u64>().into(),
    recurse_in_drop: Stack => { drop(linked(1 << 20)); 0.into() },
    recurse_in_debug: Stack => format!("{:?}", linked(1 << 18)).len().into(),
    take_a_large_frame: Stack => black_box([1_u8; 32 << 20]).len().into(),
    answer_a_deep_value: Stack => nested(1 << 18),
    answer_a_nested_value: Refused("nests deeper than 100 levels") => nested(1000),
}

fn deeper(level: u64) -> u64 {
    let page = black_box([level; 512]);
    if black_box(true) { deeper(level + 1) + page[511] } else { 0 }
}

fn ping(level: u64) -> u64 {
    if black_box(true) { pong(level + 1) + 1 } else { level }
}

fn pong(level: u64) -> u64 {
    if black_box(true) { ping(level + 1) + 1 } else { level }
}

struct Again<'a>(&'a dyn Fn(&Again<'_>, u64) -> u64);

struct Inner;

struct Outer;

impl fmt::Display for Inner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "({Outer})")
    }
}

impl fmt::Display for Outer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{Inner}]")
    }
}

fn chained(times: usize) -> Box<dyn Iterator<Item = u64>> {
    (0..times).fold(Box::new(0..1), |inner, _| Box::new(inner.map(|n| n + 1)))
}

#[derive(Debug)]
struct Link(#[allow(dead_code, reason = "it is dropped, and printed")] Option<Box<Self>>);

fn linked(links: usize) -> Link {
    (0..links).fold(Link(None), |link, _| Link(Some(Box::new(link))))
}

fn nested(levels: usize) -> Value {
    (0..levels).fold(json!(1), |inner, _| vec![inner].into())
}
