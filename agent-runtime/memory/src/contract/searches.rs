//! Cases about search. How near two good matches are is the backend's own affair.

use super::{Handle, key, put_all};
use crate::{Op, Search};

pub(super) async fn the_best_match_is_first(memory: Handle) {
    let notes = [
        ("note/1", "the key of the cellar hangs behind the door"),
        ("note/2", "the harbour is closed on mondays"),
        ("note/3", "the key of the harbour office is with Grüneisen"),
        ("note/4", "nothing of interest"),
        ("other/1", "harbour key grüneisen"),
    ];
    memory.batch(notes.map(|(name, text)| Op::put(key(name), text)).into()).await.unwrap();
    let best = found(&memory, "harbour KEY, Grüneisen!", 9).await;
    assert_eq!(best.first().map(String::as_str), Some("note/3"), "found {best:?}");
    let mut all = best.clone();
    all.sort();
    assert_eq!(all, ["note/1", "note/2", "note/3"], "each that has a word, once, and only below the prefix");
    assert_eq!(found(&memory, "harbour key grüneisen", 1).await, ["note/3"]);
    assert_eq!(found(&memory, "harbour", 0).await, [""; 0]);
    assert_eq!(found(&memory, "lighthouse", 9).await, [""; 0]);
}

pub(super) async fn search_knows_what_was_changed(memory: Handle) {
    memory.put(key("note/1"), "lighthouse".into()).await.unwrap();
    memory.put(key("note/2"), "lighthouse".into()).await.unwrap();
    memory.put(key("note/1"), "windmill".into()).await.unwrap();
    assert_eq!(found(&memory, "lighthouse", 9).await, ["note/2"]);
    assert_eq!(found(&memory, "windmill", 9).await, ["note/1"]);
    memory.delete(&key("note/2")).await.unwrap();
    assert_eq!(found(&memory, "lighthouse", 9).await, [""; 0]);
    memory.batch(vec![Op::DeleteAll { prefix: "note".into() }]).await.unwrap();
    assert_eq!(found(&memory, "windmill", 9).await, [""; 0]);
    let entry = (key("note/5"), "windmill".into());
    memory.restore("note/", vec![entry]).await.unwrap();
    assert_eq!(found(&memory, "windmill", 9).await, ["note/5"]);
}

pub(super) async fn any_text_may_be_looked_for(memory: Handle) {
    put_all(&memory, &["note/1"]).await;
    memory.put(key("note/2"), vec![0xff, 0xfe, 0, 0x80].into()).await.unwrap();
    memory.put(key("note/3"), "the number 42 AND (more)".into()).await.unwrap();
    for words in ["", " ", "\"", "'", "*", "a* OR", "NEAR(", "-", "col:x", "%", "\\", "(", "AND", "\0", "& | !", "😀"] {
        memory.search(&Search { prefix: "note/".into(), words: words.into(), limit: 9 }).await.unwrap();
    }
    assert_eq!(found(&memory, "", 9).await, [""; 0], "no words find nothing");
    assert_eq!(found(&memory, "42", 9).await, ["note/3"]);
    assert_eq!(found(&memory, "\"more\"", 9).await, ["note/3"]);
}

async fn found(memory: &Handle, words: &str, limit: usize) -> Vec<String> {
    let search = Search { prefix: "note/".into(), words: words.into(), limit };
    memory.search(&search).await.unwrap().into_iter().map(|(key, _)| key.to_string()).collect()
}
