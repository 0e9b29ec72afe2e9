//! What stands where a secret would stand and is none: placeholders, words, code.

/// What documentation writes in the place of a secret, in lower case.
const PLACEHOLDERS: [&str; 20] = [
    "example",
    "placeholder",
    "xxxxx",
    "*****",
    "redacted",
    "changeme",
    "change_me",
    "change-me",
    "your_",
    "your-",
    "yourapi",
    "yourtoken",
    "yourpass",
    "yoursecret",
    "dummy",
    "insert_",
    "12345678",
    "abcdefgh",
    "00000000",
    "......",
];

/// What is written in the place of a password, in lower case and as a whole.
const STAND_INS: [&str; 32] = [
    "password",
    "passwd",
    "pass",
    "pwd",
    "secret",
    "user",
    "username",
    "token",
    "postgres",
    "root",
    "admin",
    "test",
    "testing",
    "guest",
    "mysql",
    "redis",
    "foo",
    "bar",
    "baz",
    "key",
    "apikey",
    "mypassword",
    "my_password",
    "my-password",
    "pw",
    "string",
    "none",
    "null",
    "true",
    "false",
    "undefined",
    "required",
];

/// With which bytes placeholders begin.
const BEGINNINGS: u128 = {
    let (mut set, mut index) = (0, 0);
    while index < PLACEHOLDERS.len() {
        set |= 1 << PLACEHOLDERS[index].as_bytes()[0];
        index += 1;
    }
    set
};

/// Whether documentation would write this in the place of a secret. `AKIAIOSFODNN7EXAMPLE` is one: it opens nothing.
pub(super) fn placeholder(text: &str) -> bool {
    let bytes = text.as_bytes();
    let stands = |(at, byte): (usize, &u8)| {
        let first = byte.to_ascii_lowercase();
        let is_there = |word: &[u8]| bytes.get(at..at + word.len()).is_some_and(|found| found.eq_ignore_ascii_case(word));
        let begins = first.is_ascii() && BEGINNINGS >> first & 1 == 1;
        begins && PLACEHOLDERS.iter().map(|word| word.as_bytes()).any(|word| word[0] == first && is_there(word))
    };
    bytes.iter().enumerate().any(stands) || of_few_letters(text)
}

/// Three different characters or fewer in a long text.
fn of_few_letters(text: &str) -> bool {
    let mut seen = Vec::with_capacity(4);
    let more = text.bytes().any(|byte| {
        if !seen.contains(&byte) {
            seen.push(byte);
        }
        seen.len() > 3
    });
    text.len() >= 6 && !more
}

/// Whether this is what people write where a password belongs.
pub(super) fn stands_for_a_password(text: &str) -> bool {
    STAND_INS.iter().any(|word| text.eq_ignore_ascii_case(word))
}

/// Whether this names a value in place of being one: `${DB_PASSWORD}`, `os.environ["X"]`, `<password>`, `%s`.
pub(super) fn is_code(text: &str) -> bool {
    let name = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-.[]".contains(&byte));
    let calls = text
        .bytes()
        .position(|byte| byte == b'(')
        .is_some_and(|at| at > 0 && name(&text[..at]) && (text.contains(')') || at + 1 == text.len()));
    let refers = text
        .strip_prefix(['$', '%', '@', '&', '*'])
        .is_some_and(|rest| name(rest) && !rest.starts_with(|c: char| c.is_ascii_digit()));
    let opens = ["<", "${", "$(", "{{", "%(", "#{", "[[", "{%", "(", "[", "{"].iter().any(|open| text.starts_with(open));
    calls || refers || opens || text.contains("${") || text.contains("{{") || text.contains("::") || text.contains("://")
}

/// Whether this is the way to a value, of so many names: `process.env.API_KEY`.
pub(super) fn is_path(text: &str, least: usize) -> bool {
    let name = |step: &str| step.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-[]".contains(&byte));
    let mut steps = text.split('.');
    steps.clone().count() >= least
        && steps.clone().all(name)
        && steps.by_ref().take(2).all(|step| step.len() > 1 && look_like_words(step))
}

/// Whether every part of this could be read aloud: `my-secret-name-2024`, `config.database.password`, `resetPasswordToken`.
pub(super) fn look_like_words(text: &str) -> bool {
    let (mut count, mut length) = (0, 0);
    let words = parts(text).all(|part| {
        (count, length) = (count + 1, length + part.len());
        match part.as_bytes()[0].is_ascii_digit() {
            true => part.len() <= 5,
            false => pronounceable(part),
        }
    });
    // Dice make short parts.
    words && length * 2 >= count * 5
}

/// A word has vowels, not too many consonants in a row, and its capitals at its beginning or everywhere.
fn pronounceable(part: &str) -> bool {
    let vowel = |byte: &u8| b"aeiouyAEIOUY".contains(byte);
    let longest = part.as_bytes().split(vowel).map(<[u8]>::len).max().unwrap_or_default();
    let capital = part.bytes().skip(1).any(|byte| byte.is_ascii_uppercase());
    let cased = !capital || part.bytes().all(|byte| byte.is_ascii_uppercase());
    cased && (part.len() <= 2 || (part.bytes().any(|byte| vowel(&byte)) && longest <= 4))
}

/// Runs of digits and of letters, the latter also cut where a capital follows a small letter.
fn parts(text: &str) -> impl Iterator<Item = &str> {
    let kind = |byte: u8| (byte.is_ascii_digit(), byte.is_ascii_alphabetic(), byte.is_ascii_uppercase());
    let mut rest = text;
    std::iter::from_fn(move || {
        rest = rest.trim_start_matches(|c: char| !c.is_ascii_alphanumeric());
        let bytes = rest.as_bytes();
        let cut = (1..bytes.len()).find(|at| {
            let ((digit, letter, capital), (next_digit, next_letter, next_capital)) = (kind(bytes[at - 1]), kind(bytes[*at]));
            // `HTTPServer`: the last capital of a row belongs to what follows it.
            let begins = next_capital && (!capital || bytes.get(at + 1).is_some_and(u8::is_ascii_lowercase));
            digit != next_digit || letter != next_letter || begins
        });
        let (part, tail) = rest.split_at_checked(cut.unwrap_or(rest.len()))?;
        rest = tail;
        (!part.is_empty()).then_some(part)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_told_from_what_dice_make() {
        for text in ["my-secret-name-2024", "config.database.password", "resetPasswordToken", "AWS_REGION", "db-credentials-v2"] {
            assert!(look_like_words(text), "{text}");
        }
        for text in ["xK9qTz27Lm", "9f86d081884c7d659a2f", "Zm9vYmFyCg", "kd83jf02ls"] {
            assert!(!look_like_words(text), "{text}");
        }
    }

    #[test]
    fn a_name_of_a_value_is_code() {
        for text in ["${X}", "$DB_PASSWORD", "os.getenv('X')", "<password>", "{{ .Values.x }}", "%(pw)s", "getToken()", "@secret"]
        {
            assert!(is_code(text), "{text}");
        }
        for text in ["Tr0ub4dor&3", "p@ss$w0rd", "a(b", "$3cret!"] {
            assert!(!is_code(text), "{text}");
        }
    }

    #[test]
    fn what_documentation_shows_is_a_placeholder() {
        for text in ["AKIAIOSFODNN7EXAMPLE", "your-api-key-here", "xxxxxxxx", "aaaaaaaaaaaa", "sk_test_12345678", "ChangeMe123"] {
            assert!(placeholder(text), "{text}");
        }
        assert!(!placeholder("wJalrXUtnFEMI/K7MDENG/bPxRfiCY"));
    }
}
