//! Cases about times to live.

use std::time::{Duration, Instant};

use super::{Handle, key, keys, put_all};
use crate::{Check, Keep, Key, Op, Scan, Search, Transaction, Verdict};

/// Long enough to look at it before it expires, also on a busy machine; where it was not, nothing is claimed.
const TTL: Duration = Duration::from_millis(400);
/// When it is over for good.
const PATIENCE: Duration = Duration::from_secs(10);

pub(super) async fn what_has_expired_is_not_there(memory: Handle) {
    let name = key("note/short");
    let put = Instant::now();
    memory.batch(vec![expiring(&name, "lease", TTL), Op::put(key("note/stays"), "lease")]).await.unwrap();
    let (got, met) = (memory.get(&name).await.unwrap(), keys(&memory, Scan::prefix("", 9)).await);
    if put.elapsed() < TTL {
        assert_eq!(got, Some("lease".into()), "it is there until it expires");
        assert_eq!(met, ["note/short", "note/stays"]);
    }
    gone(&memory, &name).await;
    // The clock of the store may count whole milliseconds only.
    assert!(put.elapsed() + Duration::from_millis(5) >= TTL, "it was gone after {:?}, before its time", put.elapsed());
    assert_eq!(keys(&memory, Scan::prefix("", 9)).await, ["note/stays"]);
    assert_eq!(keys(&memory, Scan::last("", 1).after(key("note/stays"))).await, [""; 0]);
    let search = Search { prefix: "note/".into(), words: "lease".into(), limit: 9 };
    assert_eq!(memory.search(&search).await.unwrap().len(), 1, "what has expired is found");
    let equals = Check::Equals { key: name.clone(), value: "lease".into() };
    let stale = Transaction { checks: vec![equals], ops: vec![Op::put(key("stale"), "")] };
    let take = Transaction { checks: vec![Check::Absent { key: name.clone() }], ops: vec![Op::put(name.clone(), "next")] };
    let verdicts = memory.commit(&[stale, take], Keep::Buffered).await.unwrap();
    assert_eq!(verdicts, [Verdict::Refused { check: 0 }, Verdict::Written]);
    assert!(memory.delete(&name).await.unwrap());
}

pub(super) async fn a_deadline_is_replaced_with_the_value(memory: Handle) {
    let (kept, renewed, shortened) = (key("kept"), key("renewed"), key("shortened"));
    put_all(&memory, &["shortened"]).await;
    memory.batch(vec![expiring(&kept, "1", TTL), expiring(&renewed, "1", TTL)]).await.unwrap();
    memory.put(kept.clone(), "2".into()).await.unwrap();
    memory.batch(vec![expiring(&renewed, "2", PATIENCE * 6), expiring(&shortened, "2", TTL)]).await.unwrap();
    gone(&memory, &shortened).await;
    assert_eq!(memory.get(&kept).await.unwrap(), Some("2".into()), "a value for ever went with the deadline of the one before");
    assert_eq!(memory.get(&renewed).await.unwrap(), Some("2".into()), "a new deadline was not taken");
}

pub(super) async fn the_shortest_and_the_longest_time_to_live(memory: Handle) {
    put_all(&memory, &["none"]).await;
    memory.batch(vec![expiring(&key("none"), "1", Duration::ZERO), expiring(&key("ever"), "1", Duration::MAX)]).await.unwrap();
    assert_eq!(keys(&memory, Scan::prefix("", 9)).await, ["ever"]);
    memory.batch(vec![expiring(&key("ever"), "2", Duration::from_secs(u64::MAX / 1000))]).await.unwrap();
    assert_eq!(memory.get(&key("ever")).await.unwrap(), Some("2".into()));
    memory.batch(vec![expiring(&key("moment"), "1", Duration::from_nanos(1))]).await.unwrap();
    gone(&memory, &key("moment")).await;
}

fn expiring(key: &Key, value: &'static str, ttl: Duration) -> Op {
    Op::Put { key: key.clone(), value: value.into(), ttl: Some(ttl) }
}

/// Waits until a key is not there any more.
async fn gone(memory: &Handle, key: &Key) {
    let begin = Instant::now();
    while memory.get(key).await.unwrap().is_some() {
        assert!(begin.elapsed() < PATIENCE, "`{key}` does not expire");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
