//! A stack that CEL cannot overflow.
//!
//! The parser of CEL descends for each operator, and a stack that overflows ends the process. So an expression is bounded before
//! it is parsed, and is parsed on a stack of its own, which is large enough for the deepest one that is let through.

/// The longest expression, in bytes. The schemas say the same, in characters.
const LONGEST: usize = 1024;
/// How many operators, brackets and commas an expression may have.
pub(crate) const MOST_OPERATORS: usize = 128;
/// What the deepest expression that is let through needs of the stack, several times over, in bytes.
const STACK: usize = 64 << 20;

/// Whether an expression is small enough to be parsed [`apart`].
///
/// # Errors
/// A sentence that says how large one may be.
pub(crate) fn bounded(expression: &str) -> Result<(), String> {
    let operators = expression.chars().filter(|character| "!-+*/%?:.|&<>=([{,".contains(*character)).count();
    if expression.len() > LONGEST || operators > MOST_OPERATORS {
        return Err(format!(
            "the expression has more than {LONGEST} bytes or {MOST_OPERATORS} operators, brackets and commas; write a shorter one"
        ));
    }
    Ok(())
}

/// Does something on a large stack. Nothing, where it panics (as the parser does on some texts that are not CEL) or there is no
/// thread to be had.
pub(crate) fn apart<T: Send>(work: impl FnOnce() -> T + Send) -> Option<T> {
    std::thread::scope(|scope| std::thread::Builder::new().stack_size(STACK).spawn_scoped(scope, work).ok()?.join().ok())
}

#[cfg(test)]
pub(crate) fn worst_expressions() -> Vec<String> {
    let most = |part: &str| part.repeat(MOST_OPERATORS);
    vec![
        most("("),
        most("["),
        most("{"),
        most("!") + "true",
        most("-"),
        most("a?b:"),
        "1".to_owned() + &most("+1") + " > 2",
        "true".to_owned() + &"||true".repeat(MOST_OPERATORS / 2),
        "output".to_owned() + &most(".x"),
        "(".repeat(MOST_OPERATORS) + "1" + &")".repeat(MOST_OPERATORS),
        "!".repeat(LONGEST),
        "(".repeat(LONGEST),
        "\u{10ffff}".repeat(LONGEST / 4),
    ]
}
