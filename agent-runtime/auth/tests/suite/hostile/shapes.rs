//! What is no token, or one in another spelling.

use serde_json::json;

use super::Row;
use crate::forge::Draft;
use crate::signers::base64url;

pub fn rows() -> Vec<Row> {
    [parts(), spellings(), json_in_headers()].concat()
}

fn parts() -> Vec<Row> {
    let ann = Draft::of_ann();
    let token = ann.signed();
    let nested = format!("{}.{}.{}", base64url(r#"{"alg":"RS256","kid":"main"}"#), base64url(&token), base64url(ann.signature()));
    vec![
        ("one word", "malformed_token", "x".into()),
        ("two dots alone", "malformed_token", "..".into()),
        ("three letters", "malformed_token", "a.b.c".into()),
        ("header and claims alone", "malformed_token", ann.message()),
        ("a fourth part", "malformed_token", format!("{token}.e30")),
        ("an empty fourth part", "malformed_token", format!("{token}.")),
        ("five parts, as encrypted tokens have", "malformed_token", format!("{token}.e30.e30")),
        ("a dot before it", "malformed_token", format!(".{token}")),
        ("an empty header", "malformed_token", format!(".{}.{}", base64url("{}"), base64url(ann.signature()))),
        ("empty claims", "malformed_token", ann.clone().claims_text(|_| String::new()).signed()),
        ("a token as JSON", "malformed_token", json!({"payload": "e30", "signatures": []}).to_string().replace(',', ";")),
        ("a token in the place of claims", "malformed_claims", nested),
        ("two tokens", "malformed_token", format!("{token};{token}")),
        ("more than 8 KiB", "token_too_long", ann.claim("pad", "x".repeat(8192)).signed()),
    ]
}

fn spellings() -> Vec<Row> {
    let ann = Draft::of_ann();
    let (message, signature) = (ann.message(), base64url(ann.signature()));
    let (header, claims) = message.split_once('.').unwrap();
    // The last letter of 256 bytes in base64url has four bits that say nothing.
    let last = signature.chars().last().unwrap();
    let other = if last == 'A' { 'B' } else { char::from(u8::try_from(last).unwrap() + 1) };
    let respelt = format!("{message}.{}{other}", &signature[..signature.len() - 1]);
    vec![
        ("padding behind the signature", "malformed_token", format!("{message}.{signature}==")),
        ("padding behind the header", "malformed_token", format!("{header}=.{claims}.{signature}")),
        ("padding behind the claims", "malformed_token", format!("{header}.{claims}==.{signature}")),
        ("letters of the other base64", "malformed_token", format!("{message}.{}", signature.replacen(['-', '_'], "+", 1) + "+")),
        ("another last letter of the same signature", "malformed_token", respelt),
        ("a letter that is none", "malformed_token", format!("{header}!.{claims}.{signature}")),
        ("a percent sign", "malformed_token", format!("{message}%2e{signature}")),
        ("a space within", "malformed_credential", format!("{header}. {claims}.{signature}")),
        ("a space before", "malformed_credential", format!(" {message}.{signature}")),
        ("a space behind", "malformed_credential", format!("{message}.{signature} ")),
        ("a tab behind", "malformed_credential", format!("{message}.{signature}\t")),
        ("a line break within", "malformed_credential", format!("{header}.\r\n{claims}.{signature}")),
        ("a NUL behind", "malformed_credential", format!("{message}.{signature}\0")),
        ("a letter beyond ASCII", "malformed_credential", format!("{message}.{signature}\u{200b}")),
        ("a second one behind a comma", "malformed_credential", format!("{message}.{signature},{message}.{signature}")),
        ("in quotes", "malformed_token", format!("\"{message}.{signature}\"")),
        ("nothing", "malformed_credential", String::new()),
    ]
}

fn json_in_headers() -> Vec<Row> {
    let text = |change: fn(String) -> String| Draft::of_ann().header_text(change).signed();
    vec![
        ("a header that is no JSON", "malformed_header", text(|_| "alg=RS256".into())),
        ("a header that is a list", "malformed_header", text(|header| format!("[{header}]"))),
        ("a header that is a text", "malformed_header", text(|_| r#""RS256""#.into())),
        ("a header with a byte order mark", "malformed_header", text(|header| format!("\u{feff}{header}"))),
        ("something behind the header", "malformed_header", text(|header| header + "{}")),
        ("a comment in the header", "malformed_header", text(|header| header.replacen('{', "{/**/", 1))),
        ("a header with single quotes", "malformed_header", text(|header| header.replace('"', "'"))),
        ("alg twice, the honest one last", "malformed_header", text(|header| header.replacen('{', r#"{"alg":"none","#, 1))),
        ("alg twice, the honest one first", "malformed_header", text(|header| header.replace('}', r#","alg":"none"}"#))),
        ("alg twice, once in escapes", "malformed_header", text(|header| header.replace('}', r#","\u0061lg":"none"}"#))),
        ("kid twice", "malformed_header", text(|header| header.replace('}', r#","kid":"p256"}"#))),
        ("a name twice deep in the header", "malformed_header", text(|header| header.replace('}', r#","x":[{"a":1,"a":2}]}"#))),
        ("half of a letter in the header", "malformed_header", text(|header| header.replace("main", r"\ud800"))),
        ("a header nested without end", "malformed_header", {
            text(|header| header.replace('}', &format!(r#","x":{}{}}}"#, "[".repeat(500), "]".repeat(500))))
        }),
    ]
}
