//! Functions that write more than they may, or what they may not.

use std::io::{Write, stderr, stdout};

use serde_json::Value;

use super::functions;
use super::system::{close_all, frame, write_to_program};
use crate::case::Ending::{Answered, Crash, Output};

/// What is told of one that wrote no reply.
const GARBLED: &str = "it did not speak as workers do";

functions! {
    print_lines: Output => loop { println!("all work and no play"); },
    print_errors: Output => loop { eprintln!("all work and no play"); },
    print_blocks: Output => loop { stdout().write_all(&[b'x'; 1 << 16]).unwrap(); },
    print_without_lines: Output => loop { stderr().write_all(b"no line ends ").unwrap(); },
    print_escapes: Output => loop { print!("\x1b]0;title\x07\x1b[2J\u{202e}\0"); },
    print_and_answer: Output => { println!("{}", "x".repeat(2 << 20)); "done".into() },
    print_in_a_panic: Output => panic!("{}", "x".repeat(2 << 20)),
    answer_long_text: Output => "x".repeat(2 << 20).into(),
    answer_many_numbers: Output => vec![10_000; 180_000].into(),
    answer_zeroes: Output => "\0".repeat(1 << 18).into(),
    answer_long_names: Output => (0..1 << 10).map(|n| (format!("{n:02000}"), Value::Null)).collect(),
    claim_a_long_answer: Output => { write_to_program(&[0xff; 4]); loop { std::thread::park(); } },
    print_as_much_as_it_may: Answered => { println!("{}", "x".repeat(1_000_000)); "done".into() },
    answer_as_much_as_it_may: Answered => "x".repeat(1_000_000).into(),
    write_garbage: Crash(GARBLED) => { write_to_program(&frame("\0\u{fffd}<garbage/>")); loop { std::thread::park(); } },
    write_another_reply: Crash(GARBLED) => { write_to_program(&frame(r#"{"outcome":{"Owned":1}}"#)); loop { std::thread::park(); } },
    write_half_a_reply: Crash("exit status: 3") => { write_to_program(&[9, 0, 0, 0, b'{']); std::process::exit(3) },
    close_all_streams: Crash(GARBLED) => { close_all(); loop { std::thread::park(); } },
}
