//! Commands that a text would run if it came into a shell: behind `;`, `|`, `&`, in backticks and in `$(...)`.
//!
//! A separator alone says nothing: `?q=a&b=c`, a table and half of all code have them. What is run says it. What destroys, fetches
//! and runs, or reads what is nobody's business is found everywhere; what only tries out whether there is a shell is not in code
//! that Markdown shows.

use super::text::Text;
use super::{Class, Finding};
use crate::Confidence;

/// So much of a line is looked at.
const REACH: usize = 256;

const INTERPRETERS: [&str; 14] =
    ["sh", "bash", "zsh", "dash", "ksh", "python", "python3", "perl", "ruby", "node", "php", "powershell", "pwsh", "iex"];
const READERS: [&str; 13] =
    ["cat", "head", "tail", "less", "more", "cp", "tar", "curl", "base64", "xxd", "strings", "type", "grep"];
const PRIVATE: [&str; 12] = [
    "/etc/passwd",
    "/etc/shadow",
    "/etc/sudoers",
    ".ssh/",
    "/proc/self/environ",
    ".aws/credentials",
    ".kube/config",
    "id_rsa",
    "/var/run/secrets",
    "win.ini",
    "boot.ini",
    ".bash_history",
];
const CONNECTORS: [&str; 5] = ["nc", "ncat", "netcat", "socat", "telnet"];
/// Nobody writes these behind a separator in prose.
const PROBES: [&str; 12] = [
    "whoami",
    "uname",
    "ifconfig",
    "ipconfig",
    "nslookup",
    "printenv",
    "netstat",
    "wget",
    "curl",
    "powershell",
    "certutil",
    "busybox",
];
/// These are words or names too.
const WORDS: [&str; 18] = [
    "id", "ls", "cat", "ping", "sleep", "env", "hostname", "dig", "python", "python3", "perl", "ruby", "php", "bash", "sh",
    "touch", "dir", "net",
];

/// A command behind something that makes a shell run it.
struct Command<'t> {
    name: &'t str,
    /// What follows the name on the line, up to the next separator.
    arguments: &'t str,
    /// The separator that ended it, if not the line.
    next: Option<u8>,
    end: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Opener {
    Sequence,
    Background,
    Pipe,
    Substitution,
}

pub(super) fn find(text: &Text<'_>, at: usize) -> Option<Finding> {
    let (opener, length) = match text.ahead(at, 2) {
        [b'$', b'('] => (Opener::Substitution, 2),
        [b'`', ..] => (Opener::Substitution, 1),
        [b'&', b'&'] | [b'|', b'|'] => (Opener::Sequence, 2),
        [b';', ..] => (Opener::Sequence, 1),
        [b'|', ..] => (Opener::Pipe, 1),
        [b'&', ..] => (Opener::Background, 1),
        _ => return None,
    };
    let command = Command::read(text, at + length)?;
    let (reason, confidence) = match harm(text, at, opener, &command) {
        Some(reason) => (reason, Confidence::High),
        None if is_probe(text, at, opener, &command) => ("a command behind a separator", Confidence::Low),
        None => return None,
    };
    Some(Finding { class: Class::Command, range: at..command.end, reason, confidence })
}

impl<'t> Command<'t> {
    fn read(text: &Text<'t>, at: usize) -> Option<Self> {
        let line = text.line(at, REACH);
        let start = line.iter().position(|byte| *byte != b' ')?;
        let word = |byte: &u8| byte.is_ascii_alphanumeric() || b"_-./".contains(byte);
        let end = line[start..].iter().position(|byte| !word(byte)).map_or(line.len(), |count| start + count);
        let path = text.text.get(at + start..at + end)?;
        let name = path.rsplit('/').next().unwrap_or(path);
        let length = line[end..].iter().position(|byte| b";|&`)".contains(byte)).unwrap_or(line.len() - end);
        let mut stop = at + end + length;
        while !text.text.is_char_boundary(stop) {
            stop -= 1;
        }
        let arguments = text.text.get(at + end..stop)?;
        let next = line.get(end + length).copied();
        (!name.is_empty()).then_some(Self { name: name.strip_suffix(".exe").unwrap_or(name), arguments, next, end: stop })
    }

    fn is_one_of(&self, names: &[&str]) -> bool {
        names.contains(&self.name)
    }

    /// Whether what follows can only be meant for a shell: an option, a path, a variable, an address.
    fn has_arguments(&self) -> bool {
        let rest = self.arguments.trim_start();
        let option = |sign: char| {
            rest.strip_prefix(sign).is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '-'))
        };
        let dotted =
            rest.split(' ').next().is_some_and(|word| word.contains('.') && word.starts_with(|c: char| c.is_ascii_digit()));
        let opens = ["~/", "$", "./", "../", ">", "@", "http://", "https://"].iter().any(|sign| rest.starts_with(sign));
        self.arguments.starts_with(' ') && (option('-') || option('/') || dotted || opens)
    }

    /// Whether nothing follows.
    fn is_alone(&self) -> bool {
        self.arguments.trim().is_empty() && matches!(self.next, None | Some(b';' | b'`' | b')'))
    }
}

/// What the command would do that nobody may want.
fn harm(text: &Text<'_>, at: usize, opener: Opener, command: &Command<'_>) -> Option<&'static str> {
    let arguments = command.arguments;
    let reads_private = || PRIVATE.iter().any(|path| arguments.contains(path));
    match command.name {
        "rm" if removes_much(arguments) => Some("a recursive rm"),
        "mkfs" | "mkfs.ext4" if arguments.contains("/dev/") => Some("a file system made anew"),
        "dd" if arguments.contains("of=/dev/") => Some("a device written over"),
        "chmod" if arguments.contains("777 /") || arguments.contains("+s ") => Some("rights for everybody"),
        "shutdown" | "reboot" | "poweroff" | "halt" if command.is_alone() || arguments.starts_with(" -") => {
            Some("a machine turned off")
        }
        _ if arguments.contains("/dev/tcp/") => Some("a shell over the network"),
        _ if command.is_one_of(&CONNECTORS) && connects(arguments) => Some("a shell over the network"),
        _ if command.is_one_of(&READERS) && reads_private() => Some("a private file read"),
        _ if opener == Opener::Pipe && runs_what_comes(text, at, command) => Some("what was fetched is run"),
        _ => None,
    }
}

/// Recursive or forced, and of a root, a home, a wildcard or nothing that is named.
fn removes_much(arguments: &str) -> bool {
    let mut words = arguments.split_ascii_whitespace().peekable();
    let mut forced = false;
    while let Some(option) = words.next_if(|word| word.starts_with('-')) {
        forced |= option.contains(['r', 'R', 'f']);
    }
    let much = |word: &str| word.starts_with(['/', '~', '*', '$']) || [".", "..", "./", "../", "./*"].contains(&word);
    forced && words.peek().is_none_or(|word| much(word.trim_matches(['"', '\''])))
}

fn connects(arguments: &str) -> bool {
    let port = |word: &str| word.len() >= 2 && word.bytes().all(|byte| byte.is_ascii_digit());
    arguments.split_ascii_whitespace().any(|word| port(word) || word.starts_with("-e") || word.to_lowercase().starts_with("tcp:"))
}

/// An interpreter at the end of a pipe from something that fetches or decodes.
fn runs_what_comes(text: &Text<'_>, at: usize, command: &Command<'_>) -> bool {
    let before = &text.bytes[at.saturating_sub(REACH)..at];
    let before = String::from_utf8_lossy(before.rsplit(|byte| *byte == b'\n').next().unwrap_or_default());
    let fetches =
        ["curl ", "wget ", "fetch ", "base64 -", "http://", "https://", "iwr ", "xxd "].iter().any(|word| before.contains(word));
    command.is_one_of(&INTERPRETERS) && fetches && (command.is_alone() || command.arguments.starts_with([' ', '"', '\'']))
}

/// A command that says "there is a shell here". Not in code that is shown, which has many of them.
fn is_probe(text: &Text<'_>, at: usize, opener: Opener, command: &Command<'_>) -> bool {
    let glued = text.char_before(at).is_some_and(|before| !before.is_whitespace() && before != '|');
    let shown = match text.bytes[at] {
        // A span of code stands apart; one that is glued to a word or an `=` is none.
        b'`' => {
            !text.char_before(at).is_some_and(|before| before.is_alphanumeric() || "=/;|&".contains(before)) || text.is_code(at)
        }
        _ => text.is_code(at),
    };
    let known = command.is_one_of(&PROBES);
    let word = command.is_one_of(&WORDS) || (opener == Opener::Pipe && command.is_one_of(&INTERPRETERS));
    let harmless = command.name == "id" && (command.arguments.starts_with(" -u") || command.arguments.starts_with(" -g"));
    let alone = command.is_alone();
    let meant = match opener {
        Opener::Substitution => known || (word && (command.has_arguments() || alone)),
        Opener::Sequence => command.has_arguments() && (known || word) || alone && (known || (word && command.next.is_none())),
        Opener::Pipe => {
            command.has_arguments() && (known || word) || alone && (known || (word && glued) || command.is_one_of(&INTERPRETERS))
        }
        // In an address `&id` is a parameter.
        Opener::Background => command.has_arguments() && (known || word) || alone && known,
    };
    meant && !harmless && !shown
}
