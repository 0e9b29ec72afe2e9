//! `multiply`: the exact product of two numbers.

use serde_json::Value;
use skreaver_protocol::Builtin;

use super::decimal::{Decimal, Two};
use crate::{Function, ToolError};

/// See [`MultiplyTool`](super::MultiplyTool).
pub struct Multiply;

impl Function for Multiply {
    const NAME: &'static str = Builtin::Multiply.name();
    const DESCRIPTION: &'static str = "Multiplies two numbers, exactly.";
    type Arguments = Two;
    type Output = Decimal;

    fn from_text(text: &str) -> Value {
        Two::from_text(text, '*')
    }

    fn compute(two: Two) -> Result<Decimal, ToolError> {
        let ((a, behind_a), (b, behind_b)) = (two.a.parts(), two.b.parts());
        Ok(Decimal::new(a * b, behind_a + behind_b))
    }
}
