//! Hostile text never reaches a log unescaped.

use proptest::prelude::*;
use regex::Regex;
use skreaver_detect::escape_for_log;

/// Unicode's own list of what controls, formats, separates lines and paragraphs, or is ignored when shown.
fn unseen() -> Regex {
    Regex::new(r"[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]").expect("a pattern")
}

#[test]
fn no_character_that_unicode_calls_a_control_a_format_or_ignorable_passes() {
    let unseen = unseen();
    for char in char::MIN..=char::MAX {
        let escaped = escape_for_log(char.encode_utf8(&mut [0; 4])).into_owned();
        assert!(!unseen.is_match(&escaped), "U+{:04X} gives {escaped:?}", u32::from(char));
    }
}

#[test]
fn what_can_be_read_stays_as_it_is() {
    for text in ["GET /agents/a?x=1&y=2 200", "Käse, 寿司, سلام, שלום, हिन्दी", "\"quoted\" 'text' <b> 100 %", ""]
    {
        assert_eq!(escape_for_log(text), text);
    }
}

proptest! {
    #[test]
    fn it_is_one_line_of_visible_characters(text in any::<String>()) {
        let escaped = escape_for_log(&text);
        prop_assert_eq!(escaped.lines().count().max(1), 1);
        prop_assert!(!unseen().is_match(&escaped));
    }

    #[test]
    fn different_texts_stay_different(a in "[\\\\nu{}0-9a\n\r\u{1b}\u{a}]{0,6}", b in "[\\\\nu{}0-9a\n\r\u{1b}\u{a}]{0,6}") {
        prop_assert_eq!(a == b, escape_for_log(&a) == escape_for_log(&b));
    }
}
