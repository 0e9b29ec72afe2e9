//! Functions that take memory without an end.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap, LinkedList};
use std::hint::black_box;
use std::rc::Rc;
use std::sync::mpsc;

use serde_json::json;

use super::functions;
use super::system::{RLIMIT_AS, setrlimit};
use crate::case::Ending::{Answered, Memory};

functions! {
    take_at_once: Memory => black_box(Vec::<u8>::with_capacity(1 << 40)).len().into(),
    take_zeroes_at_once: Memory => black_box(vec![0_u8; 1 << 30]).len().into(),
    take_megabytes: Memory => { let mut kept = Vec::new(); loop { kept.push(vec![1_u8; 1 << 20]); black_box(&kept); } },
    take_touched_pages: Memory => {
        let mut kept = Vec::new();
        loop {
            let mut zeroes = vec![0_u8; 4 << 20];
            zeroes.iter_mut().step_by(4096).for_each(|byte| *byte = 1);
            kept.push(black_box(zeroes));
        }
    },
    take_doubling: Memory => { let mut kept = vec![1_u8]; loop { kept.extend_from_within(..); } },
    take_growing_text: Memory => { let mut text = String::from("ha"); loop { text = format!("{text} {text}"); } },
    take_small_boxes: Memory => { let mut kept = Vec::new(); loop { kept.push(Box::new([1_u64; 64])); } },
    take_leaking: Memory => loop { black_box(Box::leak(Box::new([1_u64; 512]))); },
    take_map: Memory => { let mut kept = HashMap::new(); for n in 0_u64.. { kept.insert(n, [n; 64]); } kept.len().into() },
    take_tree: Memory => { let mut kept = BTreeMap::new(); for n in 0_u64.. { kept.insert(n, [n; 64]); } kept.len().into() },
    take_list: Memory => { let mut kept = LinkedList::new(); loop { kept.push_back([1_u64; 64]); } },
    take_unread_messages: Memory => { let (sender, _receiver) = mpsc::channel(); loop { sender.send([1_u64; 64]).unwrap(); } },
    take_circles: Memory => loop { circle(); },
    take_values: Memory => { let mut kept = Vec::new(); loop { kept.push(json!({"a": [kept.len(), "b".repeat(512)]})); } },
    take_beyond_a_raised_limit: Memory => {
        setrlimit(RLIMIT_AS, &[u64::MAX; 2]);
        let mut kept = Vec::new();
        // Without a limit it would end when it has eight times what it may have.
        while kept.len() < 512 { kept.push(black_box(vec![1_u8; 1 << 20])); }
        kept.len().into()
    },
    take_what_is_given: Answered => {
        let mut kept = Vec::new();
        while kept.try_reserve(1 << 20).is_ok() { kept.resize(kept.capacity(), 1_u8); }
        drop(kept);
        "it was enough".into()
    },
}

struct Circle {
    _around: RefCell<Option<Rc<Self>>>,
    _filling: [u64; 64],
}

fn circle() {
    let circle = Rc::new(Circle { _around: RefCell::default(), _filling: [1; 64] });
    *circle._around.borrow_mut() = Some(Rc::clone(&circle));
}
