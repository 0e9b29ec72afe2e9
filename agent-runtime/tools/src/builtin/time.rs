//! `time`: what time it is, in UTC or in a zone. The zones are in the program: its image has no files of them.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use skreaver_protocol::Builtin;

use crate::{Function, ToolError};

/// See [`TimeTool`](super::TimeTool).
pub struct Time;

/// Where.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Arguments {
    /// A zone of the IANA database, such as `Europe/Berlin`. Default: `UTC`.
    #[serde(default)]
    zone: Option<String>,
}

/// A point in time.
#[derive(Debug, PartialEq, Serialize, JsonSchema)]
pub struct Told {
    /// As RFC 3339 has it, with the offset of the zone: `2026-11-25T05:04:03+01:00`.
    time: String,
    /// Seconds since 1970 in UTC.
    unix: i64,
    /// The zone.
    zone: String,
    /// The day of the week.
    weekday: String,
}

impl Function for Time {
    const NAME: &'static str = Builtin::Time.name();
    const DESCRIPTION: &'static str = "Tells what time it is, in UTC or in a zone such as `Europe/Berlin`.";
    type Arguments = Arguments;
    type Output = Told;

    fn from_text(text: &str) -> Value {
        let zone = text.trim();
        if zone.is_empty() { json!({}) } else { json!({ "zone": zone }) }
    }

    fn compute(Arguments { zone }: Arguments) -> Result<Told, ToolError> {
        told(Timestamp::now(), zone.as_deref().unwrap_or("UTC"))
    }
}

fn told(now: Timestamp, zone: &str) -> Result<Told, ToolError> {
    let unknown = |_| {
        ToolError::InvalidArguments(format!("no time zone is named `{}`; name one such as `Europe/Berlin`", zone.escape_debug()))
    };
    let found = TimeZone::get(zone).map_err(unknown)?;
    let now = now.to_zoned(found);
    let offset = now.offset();
    // RFC 3339 has no seconds in offsets, which zones had before they were laws.
    let time = format!(
        "{}{}",
        now.strftime("%Y-%m-%dT%H:%M:%S"),
        if offset.is_zero() { "Z".into() } else { now.strftime("%:z").to_string() }
    );
    let zone = now.time_zone().iana_name().unwrap_or("UTC").to_owned();
    Ok(Told { time, unix: now.timestamp().as_second(), zone, weekday: now.strftime("%A").to_string() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(zone: &str, time: &str, weekday: &str) {
        let now = Timestamp::from_second(1_764_043_443).unwrap();
        let told = told(now, zone).unwrap();
        assert_eq!((told.time.as_str(), told.weekday.as_str(), told.unix), (time, weekday, 1_764_043_443), "{zone}");
    }

    #[test]
    fn zones_are_in_the_program() {
        check("UTC", "2025-11-25T04:04:03Z", "Tuesday");
        check("Europe/Berlin", "2025-11-25T05:04:03+01:00", "Tuesday");
        check("America/St_Johns", "2025-11-25T00:34:03-03:30", "Tuesday");
        check("Pacific/Kiritimati", "2025-11-25T18:04:03+14:00", "Tuesday");
        check("america/los_angeles", "2025-11-24T20:04:03-08:00", "Monday");
    }

    #[test]
    fn what_is_no_zone_is_told() {
        for zone in ["Mars/Olympus", "../../etc/passwd", "", "UTC+1\n"] {
            assert!(matches!(told(Timestamp::UNIX_EPOCH, zone), Err(ToolError::InvalidArguments(_))), "{zone}");
        }
    }
}
