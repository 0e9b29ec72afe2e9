//! `divide`: a quotient, exact where it ends, and otherwise to as many places as are asked for.

use num_bigint::BigInt;
use num_integer::Integer;
use num_traits::{One, Signed, Zero};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;
use skreaver_protocol::Builtin;

use super::decimal::{Decimal, Two};
use crate::{Function, ToolError};

/// The most places behind the point.
const MOST_PLACES: u32 = 100;

/// See [`DivideTool`](super::DivideTool).
pub struct Divide;

/// What to divide, and how far.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Arguments {
    /// What is divided.
    a: Decimal,
    /// What it is divided by.
    b: Decimal,
    /// Places behind the point, to which the quotient is rounded; half a unit goes to the even neighbour. Default: none, and a
    /// quotient without end is refused.
    #[serde(default)]
    #[schemars(range(max = 100))]
    places: Option<u32>,
}

impl Function for Divide {
    const NAME: &'static str = Builtin::Divide.name();
    const DESCRIPTION: &'static str =
        "Divides the first number by the second: exactly, or rounded to `places` where the quotient has no end.";
    type Arguments = Arguments;
    type Output = Decimal;

    fn from_text(text: &str) -> Value {
        super::object_with(text, &["a", "b"]).unwrap_or_else(|| Two::from_text(text, '/'))
    }

    fn compute(Arguments { a, b, places }: Arguments) -> Result<Decimal, ToolError> {
        let (above, below, _) = Decimal::aligned(Two { a, b });
        if below.is_zero() {
            return Err(ToolError::InvalidArguments("nothing can be divided by 0".to_owned()));
        }
        match places {
            Some(places) if places > MOST_PLACES => {
                Err(ToolError::InvalidArguments(format!("`places` is at most {MOST_PLACES}")))
            }
            Some(places) => Ok(Decimal::new(rounded(&(above * ten_to(places)), &below), places)),
            None => exact(&above, &below).ok_or_else(|| {
                let why =
                    format!("the quotient does not end within {MOST_PLACES} places: say by `places` how many it should have");
                ToolError::InvalidArguments(why)
            }),
        }
    }
}

fn ten_to(power: u32) -> BigInt {
    BigInt::from(10).pow(power)
}

/// The quotient, if it ends: below the line, in lowest terms, only twos and fives are left.
fn exact(above: &BigInt, below: &BigInt) -> Option<Decimal> {
    let mut rest = (below / above.gcd(below)).abs();
    let twos = taken(&mut rest, 2);
    let fives = taken(&mut rest, 5);
    let places = twos.max(fives);
    (rest.is_one() && places <= MOST_PLACES).then(|| Decimal::new(above * ten_to(places) / below, places))
}

/// How often a factor is in a number, which loses it.
fn taken(number: &mut BigInt, factor: u32) -> u32 {
    let mut times = 0;
    while (&*number % factor).is_zero() {
        *number /= factor;
        times += 1;
    }
    times
}

fn rounded(above: &BigInt, below: &BigInt) -> BigInt {
    let (quotient, rest) = above.div_mod_floor(below);
    let up = match (&rest * 2_u8).abs().cmp(&below.abs()) {
        std::cmp::Ordering::Less => false,
        std::cmp::Ordering::Equal => quotient.is_odd(),
        std::cmp::Ordering::Greater => true,
    };
    if up { quotient + 1 } else { quotient }
}
