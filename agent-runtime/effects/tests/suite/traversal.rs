//! Paths that want to lead out of the allowed directory, judged by the files outside.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, FileType, Mode, mknodat};
use serde_json::json;
use skreaver_effects::files::{self, Kind};
use skreaver_effects::{Bounds, Content, EffectError, FileProblem, Guard};
use skreaver_policy::bounds::Own;

use crate::support::{self, arguments, guard, stride};

const CANARY: &str = "CANARY-7f3a";

/// An allowed directory with ways out of every kind, and one outside that nobody may touch.
pub(crate) struct Ground {
    _folder: tempfile::TempDir,
    pub(crate) inside: PathBuf,
    pub(crate) outside: PathBuf,
}

impl Ground {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        // Deep enough that three steps upwards stay in the folder, should a tool ever take them.
        let base = folder.path().canonicalize().unwrap().join("1/2/3");
        fs::create_dir_all(&base).unwrap();
        let (inside, outside) = (base.join("inside"), base.join("outside"));
        for directory in [&inside, &outside, &inside.join("sub"), &outside.join("sub")] {
            fs::create_dir(directory).unwrap();
        }
        fs::write(outside.join("canary.txt"), CANARY).unwrap();
        fs::write(outside.join("sub/canary.txt"), CANARY).unwrap();
        // No path names it: whoever lists it was there.
        fs::write(outside.join("unnamed-7f3a"), CANARY).unwrap();
        fs::write(inside.join("honest.txt"), "honest").unwrap();
        symlink(&outside, inside.join("link")).unwrap();
        symlink("../outside/canary.txt", inside.join("file-link")).unwrap();
        symlink(&base, inside.join("sub/base-link")).unwrap();
        symlink("honest.txt", inside.join("inner-link")).unwrap();
        fs::hard_link(outside.join("canary.txt"), inside.join("hard")).unwrap();
        mknodat(CWD, inside.join("pipe"), FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
        Self { _folder: folder, inside, outside }
    }

    fn text(&self, path: &Path) -> String {
        path.to_str().unwrap().to_owned()
    }

    /// Every file outside, with its content and its links.
    pub(crate) fn canaries(&self) -> BTreeMap<PathBuf, String> {
        let mut found = BTreeMap::new();
        let mut folders = vec![self.outside.clone()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                match path.is_dir() {
                    true => folders.push(path),
                    false => drop(found.insert(path.clone(), fs::read_to_string(path).unwrap())),
                }
            }
        }
        found
    }
}

/// What is done to a path. Should a tool ever be led out, it must not be to the files of the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Force {
    Look,
    Change,
}

/// Does to a path all that can be done to one, and tells what was read.
async fn everything(guard: &Guard, bounds: &Bounds, path: &str, force: Force) -> Vec<String> {
    let one = || arguments(json!({"path": path}));
    let change = || arguments(json!({"path": path, "content": "overwritten"}));
    let mut read = Vec::new();
    for encoding in ["text", "base64"] {
        if let Ok(file) = files::read(guard, bounds, arguments(json!({"path": path, "encoding": encoding}))).await {
            read.push(format!("{:?}", file.content));
        }
    }
    if let Ok(listing) = files::list(guard, bounds, one()).await {
        read.extend(listing.entries.into_iter().map(|entry| entry.name));
    }
    let _ = files::stat(guard, bounds, one()).await;
    if force == Force::Change {
        let _ = files::append(guard, bounds, change()).await;
        let _ = files::write(guard, bounds, change()).await;
        let _ = files::delete(guard, bounds, one()).await;
        let _ = files::create(guard, bounds, one()).await;
    }
    read
}

fn one_read(path: &str) -> files::Read {
    arguments(json!({"path": path}))
}

const PREFIXES: [&str; 9] = ["", "./", "/", "sub/", "link/", "sub/base-link/", "file-link/", "nowhere/", "honest.txt/"];
const UPWARDS: [&str; 22] = [
    "../",
    "..\\",
    "%2e%2e/",
    "%2e%2e%2f",
    "..%2f",
    "..%5c",
    "%252e%252e%252f",
    "..%c0%af",
    "%c0%ae%c0%ae/",
    "....//",
    "..././",
    ".../",
    "..;/",
    "．．/",
    "..／",
    "‥/",
    "..\u{2215}",
    "..\u{200b}/",
    "..\0/",
    "/../",
    "/./.././",
    "~/",
];
const TARGETS: [&str; 6] = ["outside/canary.txt", "outside/sub", "outside", "etc/passwd", "proc/self/environ", ""];
const SUFFIXES: [&str; 7] = ["", "/", "/.", "\0.txt", "%00.txt", "\n", " "];

/// Every string, of which many mean the same to some reader somewhere.
fn strings(ground: &Ground) -> Vec<(String, Force)> {
    let mut strings = Vec::new();
    let own = format!("{}/", ground.text(&ground.inside));
    for prefix in PREFIXES.iter().copied().chain([own.as_str()]) {
        for upwards in UPWARDS {
            for depth in [1, 2, 3, 12] {
                let way = format!("{prefix}{}", upwards.repeat(depth));
                let near = depth <= 3 && (!way.starts_with('/') || prefix == own);
                let force = if near { Force::Change } else { Force::Look };
                for target in TARGETS {
                    strings.extend(SUFFIXES.iter().map(|suffix| (format!("{way}{target}{suffix}"), force)));
                }
            }
        }
    }
    let outside = ground.text(&ground.outside);
    let machine = ["/proc/self/root", "/proc/self/cwd/../..", "/dev/fd/3/../../.."].map(|scheme| (scheme, Force::Look));
    let schemes = ["", "file://", "file:", "//", "\\\\?\\", "/.//"].map(|scheme| (scheme, Force::Change));
    for canary in ["canary.txt", "sub", "sub/canary.txt", ""] {
        for (scheme, force) in schemes.into_iter().chain(machine) {
            strings.extend(SUFFIXES.iter().map(|suffix| (format!("{scheme}{outside}/{canary}{suffix}"), force)));
        }
    }
    let links = [
        "link",
        "link/canary.txt",
        "file-link",
        "hard",
        "pipe",
        "inner-link",
        "sub/base-link",
        "sub/base-link/outside/canary.txt",
    ];
    strings.extend(links.map(|link| (link.to_owned(), Force::Change)));
    strings
}

#[tokio::test]
async fn no_path_leads_out() {
    let ground = Ground::new();
    let before = ground.canaries();
    let strings = strings(&ground);
    assert!(strings.len() > 20_000, "{} strings", strings.len());
    let inside = ground.text(&ground.inside);
    let own = Bounds::new(Own { folder: Some(ground.inside.clone()), ..Own::default() }, []);
    let listed = support::fs(Some(&[&inside]), &["..", "/etc", "*.key"], Some(&ground.inside));
    let guard = guard();
    let mut tried = 0;
    for (index, (path, force)) in strings.iter().enumerate().step_by(stride()) {
        let bounds = if index % 2 == 0 { &own } else { &listed };
        for read in everything(&guard, bounds, path, *force).await {
            // `Q0FOQVJZ` is `CANARY` in base64, and `cm9vdDp4` the first line of /etc/passwd.
            let found = [CANARY, "unnamed-7f3a", "Q0FOQVJZ", "cm9vdDp4", "root:x"].iter().any(|canary| read.contains(canary));
            assert!(!found, "{path:?} read {read:?}");
        }
        tried += 1;
    }
    // What lies there must also lie there untouched: the hard link shares its content.
    assert_eq!(ground.canaries(), before);
    println!("{tried} of {} strings: no canary was read, changed, added or deleted", strings.len());
}

#[tokio::test]
async fn what_is_no_regular_file_of_one_name_is_left_alone() {
    let ground = Ground::new();
    let bounds = Bounds::new(Own { folder: Some(ground.inside.clone()), ..Own::default() }, []);
    let guard = guard();
    let _socket = std::os::unix::net::UnixListener::bind(ground.inside.join("socket")).unwrap();
    let problem = |error: EffectError| match error {
        EffectError::File { problem, .. } => problem,
        other => panic!("{other}"),
    };
    let check = async |path: &str, expected: FileProblem| {
        assert_eq!(problem(files::read(&guard, &bounds, one_read(path)).await.unwrap_err()), expected, "read {path}");
        let change = || arguments(json!({"path": path, "content": "x"}));
        assert_eq!(problem(files::append(&guard, &bounds, change()).await.unwrap_err()), expected, "append {path}");
    };
    check("pipe", FileProblem::NotAFile).await;
    check("socket", FileProblem::NotAFile).await;
    check("sub", FileProblem::NotAFile).await;
    check("hard", FileProblem::Linked).await;
    for link in ["file-link", "inner-link", "link/canary.txt", "link"] {
        check(link, FileProblem::Link).await;
    }
    for path in ["pipe", "socket", "sub", "file-link"] {
        let change = arguments(json!({"path": path, "content": "x"}));
        assert!(files::write(&guard, &bounds, change).await.is_err(), "{path}");
        assert!(files::delete(&guard, &bounds, arguments(json!({"path": path}))).await.is_err(), "{path}");
    }
    let listing = files::list(&guard, &bounds, arguments(json!({"path": "."}))).await.unwrap();
    let others: Vec<_> =
        listing.entries.iter().filter(|entry| entry.kind == Kind::Other).map(|entry| entry.name.as_str()).collect();
    assert_eq!(others, ["file-link", "inner-link", "link", "pipe", "socket"]);
    // To write over a hard link makes a file of its own, and leaves the other alone.
    files::write(&guard, &bounds, arguments(json!({"path": "hard", "content": "new"}))).await.unwrap();
    assert_eq!(fs::read_to_string(ground.outside.join("canary.txt")).unwrap(), CANARY);
}

#[tokio::test]
async fn a_wide_root_opens_no_other_file_system_and_no_linked_root() {
    let ground = Ground::new();
    let guard = guard();
    let wide = support::fs(Some(&["/"]), &[], None);
    for path in ["/proc/self/environ", "/proc/self/root/etc/passwd", "/dev/null", "/sys/kernel/version"] {
        let error = files::read(&guard, &wide, one_read(path)).await.unwrap_err();
        assert!(matches!(error, EffectError::File { problem: FileProblem::Outside, .. }), "{path}: {error}");
    }
    let linked = ground.text(&ground.inside.join("link"));
    let error = files::read(&guard, &support::fs(Some(&[&linked]), &[], None), one_read(&format!("{linked}/canary.txt")))
        .await
        .unwrap_err();
    let EffectError::File { problem: FileProblem::Root(root, problem), .. } = error else { panic!("{error}") };
    assert_eq!((&*root, &*problem), (linked.as_str(), &FileProblem::Link));
}

#[tokio::test]
async fn honest_work_on_files_is_done() {
    let ground = Ground::new();
    let bounds = support::fs(Some(&[&ground.text(&ground.inside)]), &["*.key", ".git"], Some(&ground.inside));
    let guard = guard();
    let path = |path: &str| arguments(json!({"path": path}));
    assert!(files::create(&guard, &bounds, path("notes/2026/may")).await.unwrap().new);
    assert!(!files::create(&guard, &bounds, path("notes/2026/may")).await.unwrap().new);
    let change = |content: &str| arguments(json!({"path": "notes/2026/may/1.txt", "content": content}));
    assert_eq!(files::write(&guard, &bounds, change("granite")).await.unwrap().size, 7);
    assert_eq!(files::write(&guard, &bounds, change("basalt\n")).await.unwrap().size, 7);
    assert_eq!(files::append(&guard, &bounds, change("chalk\n")).await.unwrap().size, 13);
    let part = json!({"path": "notes/2026/may/1.txt", "offset": 7, "length": 5});
    let file = files::read(&guard, &bounds, arguments(part)).await.unwrap();
    assert_eq!((file.content, file.size, file.end), (Content::Text("chalk".into()), 13, false));
    let absolute = ground.text(&ground.inside.join("notes/2026/may/1.txt"));
    let file = files::read(&guard, &bounds, one_read(&absolute)).await.unwrap();
    assert_eq!((file.content, file.end), (Content::Text("basalt\nchalk\n".into()), true));
    let binary = arguments(json!({"path": "notes/blob", "content": "//4=", "encoding": "base64"}));
    assert_eq!(files::write(&guard, &bounds, binary).await.unwrap().size, 2);
    let error = files::read(&guard, &bounds, one_read("notes/blob")).await.unwrap_err();
    assert!(matches!(error, EffectError::File { problem: FileProblem::NotText, .. }), "{error}");
    fs::write(ground.inside.join("notes/id.key"), "secret").unwrap();
    let listing = files::list(&guard, &bounds, path("notes")).await.unwrap();
    let names: Vec<_> = listing.entries.iter().map(|entry| (entry.name.as_str(), entry.kind, entry.size)).collect();
    assert_eq!((names[0].0, names[0].1, names[1]), ("2026", Kind::Directory, ("blob", Kind::File, 2)));
    assert_eq!((names.len(), listing.complete), (2, true));
    let status = files::stat(&guard, &bounds, path("notes/blob")).await.unwrap();
    assert!(status.kind == Kind::File && status.size == 2 && status.modified.starts_with("20"), "{status:?}");
    assert_eq!(files::stat(&guard, &bounds, path(".")).await.unwrap().kind, Kind::Directory);
    assert_eq!(files::delete(&guard, &bounds, path("notes/blob")).await.unwrap().size, 2);
    assert!(matches!(
        files::read(&guard, &bounds, one_read("notes/blob")).await.unwrap_err(),
        EffectError::File { problem: FileProblem::Missing, .. }
    ));
    // Nobody else may read what was made, and nothing unfinished is left.
    use std::os::unix::fs::PermissionsExt;
    let mode = |path: &str| fs::metadata(ground.inside.join(path)).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode("notes"), mode("notes/2026/may/1.txt")), (0o700, 0o600));
    assert_eq!(fs::read_dir(ground.inside.join("notes/2026/may")).unwrap().count(), 1);
}

#[tokio::test]
async fn files_and_directories_are_bounded() {
    let ground = Ground::new();
    let own = Own { folder: Some(ground.inside.clone()), ..Own::default() };
    let section = skreaver_protocol::policy::ResourcesSection { max_memory_mb: Some(4), ..Default::default() };
    let sections = skreaver_policy::bounds::Sections::compile("granite", None, None, Some(&section)).unwrap();
    let bounds = Bounds::new(own, [std::sync::Arc::new(sections)]);
    let guard = guard();
    fs::write(ground.inside.join("large"), vec![b'x'; (1 << 20) + 1]).unwrap();
    let error = files::read(&guard, &bounds, one_read("large")).await.unwrap_err();
    assert!(matches!(error, EffectError::TooLarge { limit: 1_048_576, .. }), "{error}");
    let part = json!({"path": "large", "offset": 1 << 20, "length": 1 << 20});
    assert_eq!(files::read(&guard, &bounds, arguments(part)).await.unwrap().content, Content::Text("x".into()));
    let change = arguments(json!({"path": "new", "content": "x".repeat((1 << 20) + 1)}));
    assert!(matches!(files::write(&guard, &bounds, change).await.unwrap_err(), EffectError::TooLarge { .. }));
    fs::create_dir(ground.inside.join("many")).unwrap();
    for number in 0..1_001 {
        fs::write(ground.inside.join(format!("many/{number}")), "").unwrap();
    }
    let listing = files::list(&guard, &bounds, arguments(json!({"path": "many"}))).await.unwrap();
    assert_eq!((listing.entries.len(), listing.complete), (1_000, false));
}
