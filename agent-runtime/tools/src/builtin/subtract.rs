//! `subtract`: the exact difference of two numbers.

use serde_json::Value;
use skreaver_protocol::Builtin;

use super::decimal::{Decimal, Two};
use crate::{Function, ToolError};

/// See [`SubtractTool`](super::SubtractTool).
pub struct Subtract;

impl Function for Subtract {
    const NAME: &'static str = Builtin::Subtract.name();
    const DESCRIPTION: &'static str = "Subtracts the second number from the first, exactly.";
    type Arguments = Two;
    type Output = Decimal;

    fn from_text(text: &str) -> Value {
        Two::from_text(text, '-')
    }

    fn compute(two: Two) -> Result<Decimal, ToolError> {
        let (a, b, behind) = Decimal::aligned(two);
        Ok(Decimal::new(a - b, behind))
    }
}
