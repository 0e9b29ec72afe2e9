//! Makes secrets that look like real ones, from one line that says what they look like.

use base64::Engine;
use base64::prelude::{BASE64_STANDARD, BASE64_STANDARD_NO_PAD, BASE64_URL_SAFE_NO_PAD};

const DIGITS: &str = "0123456789";
const LOWER: &str = "abcdefghijklmnopqrstuvwxyz";
const UPPER: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";

/// Dice whose throws are the same in every run (SplitMix64).
pub struct Dice(pub u64);

impl Dice {
    pub fn throw(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % sides as u64) as usize
    }

    pub fn text(&mut self, set: &str, length: usize) -> String {
        let set: Vec<char> = set.chars().collect();
        (0..length).map(|_| set[self.throw(set.len())]).collect()
    }

    pub fn one<'t>(&mut self, of: &[&'t str]) -> &'t str {
        of[self.throw(of.len())]
    }
}

fn set(name: &str) -> String {
    match name {
        "d" => DIGITS.into(),
        "h" => "0123456789abcdef".into(),
        "H" => "0123456789ABCDEF".into(),
        "l" => LOWER.into(),
        "u" => UPPER.into(),
        "e" => format!("{LOWER}{UPPER}"),
        "L" => format!("{LOWER}{DIGITS}"),
        "A" => format!("{UPPER}{DIGITS}"),
        "a" => format!("{LOWER}{UPPER}{DIGITS}"),
        "b" => format!("{LOWER}{UPPER}{DIGITS}+/"),
        "w" => format!("{LOWER}{UPPER}{DIGITS}-_"),
        "t" => format!("{UPPER}234567"),
        "B" => "QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L".into(),
        "x" => "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz".into(),
        _ => panic!("`{name}` is no set of characters"),
    }
}

/// What a template says, and where in it the secret stands.
pub fn make(template: &str, dice: &mut Dice) -> (String, std::ops::Range<usize>) {
    let (mut out, mut rest) = (String::new(), template);
    let (mut start, mut end) = (0, None);
    while let Some(char) = rest.chars().next() {
        if let Some((name, tail)) = rest.strip_prefix('{').and_then(|rest| rest.split_once('}')).filter(|(name, _)| is_hole(name))
        {
            out.push_str(&fill(name, dice));
            rest = tail;
            continue;
        }
        match char {
            '<' => start = out.len(),
            '>' => end = Some(out.len()),
            '\\' if rest.starts_with("\\n") => out.push('\n'),
            _ => out.push(char),
        }
        rest = &rest[if rest.starts_with("\\n") { 2 } else { char.len_utf8() }..];
    }
    let end = end.unwrap_or(out.len());
    (out, start..end)
}

fn is_hole(name: &str) -> bool {
    let known = ["uuid", "password", "crc", "jwt", "json", "longjson", "login", "pem64", "glsa"];
    known.contains(&name)
        || name.starts_with("pem:")
        || name.split_once(':').is_some_and(|(set, count)| set.len() == 1 && count.parse::<usize>().is_ok())
}

fn fill(name: &str, dice: &mut Dice) -> String {
    match name {
        "uuid" => make("{h:8}-{h:4}-4{h:3}-a{h:3}-{h:12}", dice).0,
        "password" => password(dice),
        "crc" => with_crc(dice),
        "jwt" => {
            make("{json}", dice).0.replacen("eyJ", "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJ", 1)
                + "."
                + &dice.text(&set("w"), 43)
        }
        "json" => BASE64_URL_SAFE_NO_PAD.encode(make(r#"{"sub":"{h:24}","iat":17{d:8},"url":"https://x.example"}"#, dice).0),
        "longjson" => BASE64_URL_SAFE_NO_PAD.encode(make(r#"{"signInAddress":"x","muk":"{b:240}"}"#, dice).0),
        "login" => BASE64_STANDARD.encode(format!("deploy:{}", password(dice))),
        "pem64" => BASE64_STANDARD.encode(pem("RSA PRIVATE KEY", dice)),
        "glsa" => {
            let body = format!("glsa_{}", dice.text(&set("a"), 32));
            format!("{body}_{:08x}", crc32fast::hash(body.as_bytes()))
        }
        _ => match name.split_once(':') {
            Some(("pem", label)) => pem(label, dice),
            Some((of, count)) => dice.text(&set(of), count.parse().expect("a hole has a number")),
            None => panic!("`{name}` is no hole"),
        },
    }
}

fn pem(label: &str, dice: &mut Dice) -> String {
    let bytes: Vec<u8> = (0..400).map(|_| dice.throw(256) as u8).collect();
    let body = BASE64_STANDARD_NO_PAD.encode(bytes);
    let lines: Vec<&str> = body.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).expect("base64 is ASCII")).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----", lines.join("\n"))
}

/// Thirty characters and their checksum, counted here in another way than the detector does.
fn with_crc(dice: &mut Dice) -> String {
    let body = dice.text(&set("a"), 30);
    let alphabet: Vec<char> = format!("{DIGITS}{UPPER}{LOWER}").chars().collect();
    let sum = u64::from(crc32fast::hash(body.as_bytes()));
    let digits = (0..6).rev().map(|power| alphabet[(sum / 62_u64.pow(power) % 62) as usize]);
    format!("{body}{}", digits.collect::<String>())
}

/// As people make them: a word or two, with digits and signs.
fn password(dice: &mut Dice) -> String {
    const WORDS: [&str; 12] = [
        "horse",
        "Winter",
        "purple",
        "Tr0ub4dor",
        "staple",
        "Monkey",
        "dragon",
        "Sommer",
        "b4ttery",
        "castle",
        "Trinity",
        "quartz",
    ];
    let sign = dice.one(&["!", "-", "_", ".", "+", "~", "*", ""]);
    format!("{}{sign}{}{}", dice.one(&WORDS), dice.one(&WORDS), 10 + dice.throw(9000))
}
