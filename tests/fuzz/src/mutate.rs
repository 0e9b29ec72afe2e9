//! How one input is made of others: bytes are changed, pieces moved and taken from others, and JSON is changed as a tree.

use serde_json::{Value, json};

use crate::random::Random;

/// The longest input that is made.
const LONGEST: usize = 8 << 10;

/// What breaks parsers of all kinds.
const HOSTILE: &str = include_str!("hostile.txt");

/// Makes an input of one and another, with these words at hand.
pub(crate) fn mutated(one: &[u8], other: &[u8], words: &[Vec<u8>], random: &mut Random) -> Vec<u8> {
    if random.one_in(2)
        && let Ok(tree) = serde_json::from_slice(one)
    {
        return in_tree(tree, other, words, random);
    }
    let mut bytes = one.to_vec();
    for _ in 0..=random.below(4) {
        in_bytes(&mut bytes, other, words, random);
    }
    bytes.truncate(LONGEST);
    bytes
}

fn in_bytes(bytes: &mut Vec<u8>, other: &[u8], words: &[Vec<u8>], random: &mut Random) {
    let at = random.below(bytes.len() + 1);
    let piece = |from: &[u8], random: &mut Random| {
        let begin = random.below(from.len() + 1);
        from[begin..(begin + random.below(64)).min(from.len())].to_vec()
    };
    match random.below(9) {
        0 if at < bytes.len() => bytes[at] ^= 1 << random.below(8),
        1 if at < bytes.len() => bytes[at] = random.next().to_le_bytes()[0],
        2 => drop(bytes.drain(at..(at + random.below(16)).min(bytes.len()))),
        3 => drop(bytes.splice(at..at, piece(&bytes.clone(), random))),
        4 => drop(bytes.splice(at..at, piece(other, random))),
        5 => drop(bytes.splice(at.., other.get(random.below(other.len() + 1)..).unwrap_or_default().to_vec())),
        6 => drop(bytes.splice(at..at, hostile(random).bytes())),
        7 if !words.is_empty() => drop(bytes.splice(at..at, random.of(words).iter().copied())),
        _ => lines(bytes, random),
    }
}

/// Two lines change places, or one stands twice.
fn lines(bytes: &mut Vec<u8>, random: &mut Random) {
    let mut lines: Vec<_> = bytes.split(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
    let (one, other) = (random.below(lines.len()), random.below(lines.len()));
    if random.one_in(2) {
        lines.swap(one, other)
    } else {
        lines.insert(other, lines[one].clone())
    }
    *bytes = lines.join(&b'\n');
}

fn in_tree(mut tree: Value, other: &[u8], words: &[Vec<u8>], random: &mut Random) -> Vec<u8> {
    let donor = serde_json::from_slice(other).unwrap_or_else(|_| tree.clone());
    for _ in 0..=random.below(3) {
        let graft = some_node(&donor, random).clone();
        let node = some_node_mut(&mut tree, random);
        match random.below(4) {
            0 => *node = graft,
            1 => grow(node, graft, words, random),
            _ => *node = value(node, words, random),
        }
    }
    let mut bytes = serde_json::to_vec(&tree).unwrap_or_default();
    if bytes.len() > LONGEST {
        bytes.truncate(LONGEST);
    }
    bytes
}

/// A node gets a child more, or loses one.
fn grow(node: &mut Value, graft: Value, words: &[Vec<u8>], random: &mut Random) {
    match node {
        Value::Object(fields) if random.one_in(2) => {
            let name = fields.keys().nth(random.below(fields.len())).cloned();
            name.map(|name| fields.remove(&name));
        }
        Value::Object(fields) => drop(fields.insert(word(words, random), graft)),
        Value::Array(items) if random.one_in(2) => drop(items.pop()),
        Value::Array(items) => items.push(graft),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => *node = json!([graft]),
    }
}

/// Something else in the place of a value, mostly of its kind.
fn value(old: &Value, words: &[Vec<u8>], random: &mut Random) -> Value {
    match (old, random.below(6)) {
        (_, 0) => random.of(&[json!(null), json!(true), json!({}), json!([]), json!(""), json!(-1), json!(0.5)]).clone(),
        (Value::String(text), 1..=3) => {
            let mut bytes = text.clone().into_bytes();
            in_bytes(&mut bytes, b"", words, random);
            json!(String::from_utf8_lossy(&bytes))
        }
        (Value::Number(_), 1..=4) => random
            .of(&[
                json!(0),
                json!(1),
                json!(-1),
                json!(u64::MAX),
                json!(i64::MIN),
                json!(u32::MAX),
                json!(1e300),
                json!(63),
                json!(9e15),
            ])
            .clone(),
        (_, 4) => json!(hostile(random)),
        (old, 5) => (0..random.below(80)).fold(old.clone(), |inner, _| json!([inner])),
        (_, _) => json!(word(words, random)),
    }
}

fn some_node<'v>(tree: &'v Value, random: &mut Random) -> &'v Value {
    let children: Vec<&Value> = match tree {
        Value::Object(fields) => fields.values().collect(),
        Value::Array(items) => items.iter().collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Vec::new(),
    };
    if children.is_empty() || random.one_in(5) { tree } else { some_node(children[random.below(children.len())], random) }
}

fn some_node_mut<'v>(tree: &'v mut Value, random: &mut Random) -> &'v mut Value {
    let is_leaf = match &*tree {
        Value::Object(fields) => fields.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => true,
    };
    if is_leaf || random.one_in(5) {
        return tree;
    }
    let mut children: Vec<&mut Value> = match tree {
        Value::Object(fields) => fields.values_mut().collect(),
        Value::Array(items) => items.iter_mut().collect(),
        leaf => return leaf,
    };
    let child = random.below(children.len());
    some_node_mut(children.swap_remove(child), random)
}

fn hostile(random: &mut Random) -> String {
    let lines: Vec<_> = HOSTILE.lines().collect();
    // Written as JSON, because most of it cannot be seen.
    serde_json::from_str(lines[random.below(lines.len())]).unwrap_or_default()
}

fn word(words: &[Vec<u8>], random: &mut Random) -> String {
    if words.is_empty() { hostile(random) } else { String::from_utf8_lossy(&words[random.below(words.len())]).into_owned() }
}
