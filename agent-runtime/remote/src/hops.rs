//! How many agents a call has come through, so that agents who ask each other come to an end.
//!
//! The number belongs to the run that an agent works on, not to its process: whoever runs a tool for a run says with
//! [`within`] how far the run is from its first caller, and an [`AgentTool`](crate::agent::AgentTool) adds one.

use std::future::Future;

use tokio::task_local;

/// The header that carries the number over HTTP.
pub const HEADER: &str = "skreaver-hops";
/// The most agents between a caller and the last one who is asked.
pub const MOST: u8 = 8;

task_local! {
    static HOPS: u8;
}

/// Runs a tool for a run that has come through so many agents.
pub async fn within<F: Future>(hops: u8, work: F) -> F::Output {
    HOPS.scope(hops, work).await
}

/// Through how many agents the run has come for which this is done: none where nobody said so.
pub fn current() -> u8 {
    HOPS.try_with(|hops| *hops).unwrap_or_default()
}

/// What the header of an incoming request says.
///
/// # Errors
/// A sentence for the caller, where it is no number or more than [`MOST`].
pub fn parse(header: Option<&str>) -> Result<u8, String> {
    let Some(text) = header else { return Ok(0) };
    match text.trim().parse::<u8>() {
        Ok(hops) if hops <= MOST => Ok(hops),
        Ok(hops) => {
            Err(format!("this call came through {hops} agents, and {MOST} is the most: agents ask each other in a circle"))
        }
        Err(_) => Err(format!("`{HEADER}` is a number from 0 to {MOST}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_a_small_number_or_refused() {
        assert_eq!(parse(None), Ok(0));
        assert_eq!(parse(Some(" 8 ")), Ok(8));
        for bad in ["9", "-1", "x", "", "300", "1, 2"] {
            assert!(parse(Some(bad)).is_err(), "{bad}");
        }
    }
}
