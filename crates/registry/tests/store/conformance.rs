//! What is asked of every store.

use dfp_registry::store::{self, Purpose, State, Store};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Users whose names a store could mix up.
fn users() -> Vec<String> {
    let mut users: Vec<String> = [
        "",
        "*",
        "ann",
        "Ann",
        "ANN",
        "ann@example.com",
        "a/b",
        "a_slash_b",
        "a.b",
        "a_dot_b",
        ".",
        "..",
        "a:b",
        "a\\b",
        "a b",
        "a%2fb",
        "%",
        "~",
        "j\u{fc}rgen",
        "ju\u{308}rgen",
        "\u{5c71}\u{7530}",
        "nul",
        "\u{1f511}",
        "arn:aws:sts::1:assumed-role/Admin/ann",
        "line\nbreak",
        "latest",
        "version 1",
        "'; drop table models",
    ]
    .map(str::to_owned)
    .to_vec();
    users.push("x".repeat(1000));
    users.push("x".repeat(1001));
    users
}

/// Does all that a store is for, in an empty place that the name names.
pub fn check(name: &str) {
    assert!(store::open(name, Purpose::Read).is_err(), "there is nothing yet");
    let empty = store::open(name, Purpose::Rehearse).unwrap();
    assert!(
        empty.users().unwrap().is_empty()
            && empty.shelf("ann").unwrap() == store::UserVersions::default()
    );
    assert!(store::open(name, Purpose::Read).is_err(), "a rehearsal makes nothing");
    let store = store::open(name, Purpose::Write).unwrap();
    assert_eq!(store.users().unwrap(), Vec::<String>::new());
    assert_eq!(store.shelf("ann").unwrap(), store::UserVersions::default());
    every_name_is_its_own(store.as_ref(), name);
    versions_and_states(store.as_ref());
    what_is_not_there(store.as_ref());
    several_at_once(name);
}

fn every_name_is_its_own(store: &dyn Store, name: &str) {
    for user in users() {
        let version = store.put(&user, user.as_bytes(), about(&user, 1).as_bytes()).unwrap();
        assert_eq!(version, 1, "{user:?}");
    }
    // Another process sees the same.
    let other = store::open(name, Purpose::Read).unwrap();
    let mut sorted = users();
    sorted.sort_unstable();
    assert_eq!(other.users().unwrap(), sorted);
    for user in users() {
        assert_eq!(other.shelf(&user).unwrap().versions, [1], "{user:?}");
        assert_eq!(other.model(&user, 1).unwrap(), user.as_bytes());
        assert_eq!(other.about(&user, 1).unwrap(), about(&user, 1).as_bytes());
    }
}

fn about(user: &str, version: u64) -> String {
    serde_json::json!({"user": user, "version": version}).to_string()
}

fn versions_and_states(store: &dyn Store) {
    let user = "states@example.com";
    let all: Vec<u8> = (0..=255).cycle().take(100_000).collect();
    for version in 1..=4 {
        assert_eq!(store.put(user, &all[version..], b"{}").unwrap(), version as u64);
    }
    let states = || {
        let shelf = store.shelf(user).unwrap();
        let state = |version: &u64| (*version, shelf.standing.state(*version));
        shelf.versions.iter().map(state).collect::<Vec<_>>()
    };
    use State::{Candidate, Live, Retired};
    assert_eq!(states(), [(1, Candidate), (2, Candidate), (3, Candidate), (4, Candidate)]);
    assert_eq!(store.shelf(user).unwrap().live(), None);
    for version in [1, 2, 3] {
        store.promote(user, version).unwrap();
        assert_eq!(store.shelf(user).unwrap().live(), Some(version));
    }
    assert_eq!(states(), [(1, Retired), (2, Retired), (3, Live), (4, Candidate)]);
    store.roll_back(user).unwrap();
    assert_eq!(states(), [(1, Retired), (2, Live), (3, Retired), (4, Candidate)]);
    // The live one and the one that a rollback would go to stay, whatever is asked.
    assert_eq!(store.prune(user, &[1, 2, 3, 4]).unwrap(), [3, 4]);
    assert_eq!(states(), [(1, Retired), (2, Live)]);
    assert_eq!(store.model(user, 2).unwrap(), &all[2..]);
    assert!(store.promote(user, 3).is_err());
    // A number is never given twice.
    assert_eq!(store.put(user, b"five", b"{}").unwrap(), 5);
    store.roll_back(user).unwrap();
    assert!(store.roll_back(user).is_err());
    assert_eq!(states(), [(1, Live), (2, Retired), (5, Candidate)]);
    store
        .change(user, &mut |standing, _| {
            standing.retire(5);
            Ok(())
        })
        .unwrap();
    assert_eq!(states(), [(1, Live), (2, Retired), (5, Retired)]);
    assert_eq!(store.shelf(user).unwrap().latest(), Some(5));
}

fn what_is_not_there(store: &dyn Store) {
    for error in [
        store.model("ann", 7).unwrap_err(),
        store.about("ann", 7).unwrap_err(),
        store.promote("ann", 7).unwrap_err(),
    ] {
        assert!(
            error.to_string().contains("user \"ann\" has no version 7; there are 1"),
            "{error}"
        );
    }
    let error = store.model("nobody", 1).unwrap_err().to_string();
    assert!(error.contains("user \"nobody\" has no version"), "{error}");
    let error = store.change("ann", &mut |_, _| Err("not today".to_owned())).unwrap_err();
    assert!(error.to_string().contains("not today"), "{error}");
}

/// Four writers put and promote while two readers look: numbers are given once, and what is live is
/// always there, whole.
fn several_at_once(name: &str) {
    const WRITERS: usize = 4;
    const VERSIONS: usize = 6;
    let open = || store::open(name, Purpose::Write).unwrap();
    let user = "busy";
    let content = |number: usize| vec![number as u8; 20_000];
    let over = AtomicBool::new(false);
    let first = open().put(user, &content(0), b"0").unwrap();
    open().promote(user, first).unwrap();
    let mut versions = std::thread::scope(|scope| {
        let over = &over;
        let look = move |store: Arc<dyn Store>| {
            while !over.load(Ordering::Relaxed) {
                let shelf = store.shelf(user).unwrap();
                let live = shelf.live().expect("one is live at any time");
                let model = store.model(user, live).unwrap();
                assert_eq!(model, content(usize::from(model[0])));
                let about = String::from_utf8(store.about(user, live).unwrap()).unwrap();
                assert_eq!(about, model[0].to_string());
            }
        };
        for _ in 0..2 {
            let store = open();
            scope.spawn(move || look(store));
        }
        let writers: Vec<_> = (0..WRITERS)
            .map(|writer| {
                let store = open();
                scope.spawn(move || {
                    let put = |version: usize| {
                        let number = 1 + writer * VERSIONS + version;
                        let about = number.to_string();
                        let version = store.put(user, &content(number), about.as_bytes()).unwrap();
                        store.promote(user, version).unwrap();
                        version
                    };
                    (0..VERSIONS).map(put).collect::<Vec<_>>()
                })
            })
            .collect();
        let versions: Vec<u64> = writers.into_iter().flat_map(|w| w.join().unwrap()).collect();
        over.store(true, Ordering::Relaxed);
        versions
    });
    versions.push(first);
    versions.sort_unstable();
    let shelf = open().shelf(user).unwrap();
    assert_eq!(shelf.versions, versions);
    let live = shelf.live().unwrap();
    // Everything but the live one was so before or was overtaken; none is lost.
    let others = versions.iter().filter(|version| **version != live);
    assert!(others.clone().all(|version| shelf.standing.state(*version) == State::Retired));
    assert_eq!(others.count(), WRITERS * VERSIONS);
}
