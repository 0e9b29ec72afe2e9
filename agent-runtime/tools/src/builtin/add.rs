//! `add`: the exact sum of two numbers.

use serde_json::Value;
use skreaver_protocol::Builtin;

use super::decimal::{Decimal, Two};
use crate::{Function, ToolError};

/// See [`AddTool`](super::AddTool).
pub struct Add;

impl Function for Add {
    const NAME: &'static str = Builtin::Add.name();
    const DESCRIPTION: &'static str = "Adds two numbers, exactly.";
    type Arguments = Two;
    type Output = Decimal;

    fn from_text(text: &str) -> Value {
        Two::from_text(text, '+')
    }

    fn compute(two: Two) -> Result<Decimal, ToolError> {
        let (a, b, behind) = Decimal::aligned(two);
        Ok(Decimal::new(a + b, behind))
    }
}
