//! A thread exchanges directories and files for links while tools open them. Nothing outside is read, changed or deleted.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use rustix::fs::{CWD, RenameFlags, renameat_with};
use serde_json::json;
use skreaver_effects::{Bounds, Content, EffectError, FileProblem, Guard, files};
use skreaver_policy::bounds::Own;

use crate::support::{arguments, guard, soak};
use crate::traversal::Ground;

const CANARY: &str = "CANARY-7f3a";

/// Pairs of a name that tools use and a link to outside with which it is exchanged again and again.
const PAIRS: [[&str; 2]; 4] = [["d", "d.link"], ["f", "f.link"], ["deep/x", "deep/x.link"], ["deep", "deep.link"]];

fn prepare(ground: &Ground) {
    for folder in ["d", "deep", "deep/x"] {
        fs::create_dir_all(ground.inside.join(folder)).unwrap();
        fs::create_dir_all(ground.outside.join(folder)).unwrap();
        for file in ["r", "a", "v", "w"] {
            fs::write(ground.inside.join(folder).join(file), "honest").unwrap();
            fs::write(ground.outside.join(folder).join(file), CANARY).unwrap();
        }
        fs::write(ground.outside.join(folder).join("only-outside"), CANARY).unwrap();
    }
    fs::write(ground.inside.join("f"), "honest").unwrap();
    fs::write(ground.outside.join("f"), CANARY).unwrap();
    for [name, link] in PAIRS {
        symlink(ground.outside.join(name), ground.inside.join(link)).unwrap();
    }
}

/// Exchanges the pairs in turn until it is told to stop, and counts.
fn exchange(inside: &Path, swapped: &AtomicUsize, stop: &AtomicBool) {
    for [name, link] in PAIRS.iter().cycle() {
        if stop.load(Ordering::SeqCst) {
            return;
        }
        // Below a directory that is a link by now there is nothing to exchange.
        let done = renameat_with(CWD, inside.join(name), CWD, inside.join(link), RenameFlags::EXCHANGE).is_ok();
        swapped.fetch_add(usize::from(done), Ordering::SeqCst);
    }
}

/// One round of all that can be done, and what of it was an honest success.
async fn round(guard: &Guard, bounds: &Bounds, folder: &str) -> usize {
    let path = |name: &str| arguments(json!({"path": format!("{folder}/{name}")}));
    let change = |name: &str| arguments(json!({"path": format!("{folder}/{name}"), "content": "honest"}));
    let mut honest = 0;
    for read in
        ["r", "only-outside"].map(|name| json!({"path": format!("{folder}/{name}")})).into_iter().chain([json!({"path": "f"})])
    {
        match files::read(guard, bounds, arguments(read.clone())).await {
            Ok(file) => {
                assert_eq!(file.content, Content::Text("honest".into()), "{read}");
                honest += 1;
            }
            Err(error) => assert!(matches!(error, EffectError::File { .. }), "{error}"),
        }
    }
    if let Ok(listing) = files::list(guard, bounds, arguments(json!({"path": folder}))).await {
        assert!(listing.entries.iter().all(|entry| entry.name != "only-outside"), "{listing:?}");
        honest += 1;
    }
    let stat = files::stat(guard, bounds, path("only-outside")).await.unwrap_err();
    assert!(matches!(stat, EffectError::File { problem: FileProblem::Missing | FileProblem::Link, .. }), "{stat}");
    honest += usize::from(files::append(guard, bounds, change("a")).await.is_ok());
    honest += usize::from(files::write(guard, bounds, change("w")).await.is_ok());
    honest += usize::from(files::delete(guard, bounds, path("v")).await.is_ok());
    honest += usize::from(files::write(guard, bounds, change("v")).await.is_ok());
    honest += usize::from(files::create(guard, bounds, path("made")).await.is_ok());
    honest
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_race_leads_out() {
    let ground = Ground::new();
    prepare(&ground);
    let before = ground.canaries();
    let bounds = Bounds::new(Own { folder: Some(ground.inside.clone()), ..Own::default() }, []);
    let guard = guard();
    let (swapped, stop) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
    let swapper = {
        let (inside, swapped, stop) = (ground.inside.clone(), swapped.clone(), stop.clone());
        std::thread::spawn(move || exchange(&inside, &swapped, &stop))
    };
    let (swaps, least) = if soak() { (100_000, 1_500) } else { (1_000, 30) };
    let (mut rounds, mut honest, mut deceived) = (0, 0, 0);
    while swapped.load(Ordering::SeqCst) < swaps || rounds < least || (rounds < 3_000 && (honest == 0 || deceived == 0)) {
        for folder in ["d", "deep/x", "deep"] {
            honest += round(&guard, &bounds, folder).await;
            // Whoever only looks at the path is led out: the judge can tell.
            deceived += usize::from(fs::read_to_string(ground.inside.join(folder).join("r")).is_ok_and(|text| text == CANARY));
        }
        rounds += 1;
    }
    stop.store(true, Ordering::SeqCst);
    swapper.join().unwrap();
    let swapped = swapped.load(Ordering::SeqCst);
    assert_eq!(ground.canaries(), before);
    let made: Vec<_> = fs::read_dir(ground.outside.join("d")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(!made.contains(&"made".into()), "{made:?}");
    println!(
        "{swapped} swaps, {rounds} rounds, {honest} honest successes, {deceived} times the path alone led out, and never the tool"
    );
    assert!(honest > 0 && deceived > 0, "{honest} {deceived}");
}
