//! Cases about the order of keys, prefixes and pages.

use super::{Handle, key, keys, put_all};
use crate::{Order, Scan};

pub(super) async fn keys_come_in_the_order_of_their_bytes(memory: Handle) {
    // A locale would put `B` beside `b` and `é` beside `e`; UTF-16 would put `😀` before `\u{fffd}`.
    let mut sorted =
        ["b", "B", "a/b", "a-b", "a", "aa", "a b", "z", "é", "e", "zz", "ß", "\u{fffd}", "😀", "a/", "a0", "10", "9"];
    put_all(&memory, &sorted).await;
    sorted.sort_unstable();
    assert_eq!(keys(&memory, Scan::prefix("", 100)).await, sorted);
    sorted.reverse();
    assert_eq!(keys(&memory, Scan::last("", 100)).await, sorted);
}

pub(super) async fn prefixes_are_taken_literally(memory: Handle) {
    let prefixes = ["%", "_", "*", "?", "[a]", "[", "\\", "'", "\"", "{x}", "a%", "^", "\u{10ffff}"];
    let names: Vec<_> = prefixes.iter().map(|prefix| format!("{prefix}/end")).collect();
    put_all(&memory, &names.iter().map(String::as_str).collect::<Vec<_>>()).await;
    put_all(&memory, &["a/end", "x/end", "abc/end", "\\\\/end"]).await;
    for (prefix, name) in prefixes.iter().zip(&names) {
        assert_eq!(keys(&memory, Scan::prefix(format!("{prefix}/"), 100)).await, [name.as_str()], "prefix `{prefix}/`");
    }
    assert_eq!(keys(&memory, Scan::prefix("\u{10ffff}", 100)).await, ["\u{10ffff}/end"]);
    assert_eq!(keys(&memory, Scan::last("\\", 100)).await, ["\\\\/end", "\\/end"]);
    assert_eq!(keys(&memory, Scan::prefix("a\0", 100)).await, [""; 0], "no key has a control character");
}

pub(super) async fn a_prefix_ends_where_it_ends(memory: Handle) {
    put_all(&memory, &["a", "a/", "a/1", "a/2", "a0", "b", "`", "ä", "äb"]).await;
    assert_eq!(keys(&memory, Scan::prefix("a/", 100)).await, ["a/", "a/1", "a/2"]);
    assert_eq!(keys(&memory, Scan::prefix("a", 100)).await, ["a", "a/", "a/1", "a/2", "a0"]);
    assert_eq!(keys(&memory, Scan::last("ä", 100)).await, ["äb", "ä"]);
    assert_eq!(keys(&memory, Scan::prefix("c", 100)).await, [""; 0]);
    assert_eq!(keys(&memory, Scan::prefix("a/1/longer", 100)).await, [""; 0]);
}

pub(super) async fn pages_in_both_directions_meet_every_key_once(memory: Handle) {
    let mut names: Vec<_> = (0..25).map(|number| format!("log/{number:03}")).collect();
    put_all(&memory, &names.iter().map(String::as_str).collect::<Vec<_>>()).await;
    put_all(&memory, &["lof", "log", "log0", "m"]).await;
    for order in [Order::Ascending, Order::Descending] {
        let mut met = Vec::new();
        let mut scan = Scan { order, ..Scan::prefix("log/", 7) };
        loop {
            let page = keys(&memory, scan.clone()).await;
            assert!(page.len() <= 7, "a page of {} where 7 were asked for", page.len());
            let Some(last) = page.last() else { break };
            scan = scan.after(key(last));
            met.extend(page);
        }
        assert_eq!(met, names, "{order:?}");
        names.reverse();
    }
}

pub(super) async fn after_may_be_any_key(memory: Handle) {
    put_all(&memory, &["a", "m/1", "m/3", "z"]).await;
    let found = async |scan: Scan, after: &str| keys(&memory, scan.after(key(after))).await;
    assert_eq!(found(Scan::prefix("m/", 9), "m/2").await, ["m/3"], "one that is not there");
    assert_eq!(found(Scan::last("m/", 9), "m/2").await, ["m/1"]);
    assert_eq!(found(Scan::prefix("m/", 9), "b").await, ["m/1", "m/3"], "one before the prefix");
    assert_eq!(found(Scan::last("m/", 9), "b").await, [""; 0]);
    assert_eq!(found(Scan::prefix("m/", 9), "n").await, [""; 0], "one behind the prefix");
    assert_eq!(found(Scan::last("m/", 9), "n").await, ["m/3", "m/1"]);
    assert_eq!(found(Scan::prefix("", 9), "m/3").await, ["z"]);
    assert_eq!(found(Scan::last("", 9), "m/1").await, ["a"]);
}

pub(super) async fn limits_hold(memory: Handle) {
    put_all(&memory, &["a", "b", "c"]).await;
    for (limit, expected) in [(0, 0), (1, 1), (3, 3), (4, 3), (usize::MAX, 3)] {
        assert_eq!(keys(&memory, Scan::prefix("", limit)).await.len(), expected, "limit {limit}");
        assert_eq!(keys(&memory, Scan::last("", limit)).await.len(), expected, "limit {limit}");
    }
}
