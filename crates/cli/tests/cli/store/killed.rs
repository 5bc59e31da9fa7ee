//! A training run that is killed leaves nothing half-done, however often and whenever it happens.

use crate::place::{Place, USER};
use dfp_registry::library::Library;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

const KILLED: u64 = 200;
const READERS: usize = 4;

#[test]
fn a_killed_training_is_never_seen_half_done() {
    let place = Place::generated("--users=3 --training_rows=330 --new_rows=1 --days=30 --seed=3");
    let line = |seed: u64| {
        format!(
            "train --input=logs/training/*.csv --store=store --userid_column_name={USER} --promote=always --seed={seed}"
        )
    };
    let start = Instant::now();
    assert_eq!(place.morpheus(&line(0)).code, 0);
    // Some are killed at once, some when they are nearly through, some just after.
    let longest = 3 * start.elapsed().as_millis() as u64 / 2;
    let name = place.path("store").display().to_string();
    let users = Library::at(&name).unwrap().store().users().unwrap();
    assert_eq!(users.len(), 4);
    let (over, looks) = (AtomicBool::new(false), AtomicUsize::new(0));
    let look = || {
        let library = Library::at(&name).unwrap();
        while !over.load(Ordering::Relaxed) {
            for user in &users {
                let shelf = library.store().shelf(user).unwrap();
                let live =
                    shelf.live().unwrap_or_else(|| panic!("{user}: nothing is live: {shelf:?}"));
                let model = library.model(user, live).unwrap();
                let about = library.about(user, live).unwrap();
                assert_eq!((&about.user, about.seed), (user, model.header().config.seed));
                // The newest version is whole too, as soon as it can be seen.
                library.model(user, shelf.latest().unwrap()).unwrap();
                looks.fetch_add(1, Ordering::Relaxed);
            }
        }
    };
    let mut broken_off = 0;
    std::thread::scope(|scope| {
        for _ in 0..READERS {
            scope.spawn(look);
        }
        let mut random = 1_u64;
        for seed in 1..=KILLED {
            let mut running = place.start(&line(seed));
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            std::thread::sleep(Duration::from_millis((random >> 33) % longest));
            broken_off += usize::from(!running.has_ended());
            running.killed();
        }
        over.store(true, Ordering::Relaxed);
    });
    assert!(broken_off > KILLED as usize / 4, "only {broken_off} were still running");
    assert!(looks.load(Ordering::Relaxed) > 1000);
    let versions = || {
        let store = Library::at(&name).unwrap();
        let of = |user: &String| store.store().shelf(user).unwrap().versions.len();
        users.iter().map(of).collect::<Vec<_>>()
    };
    let kept = versions();
    assert!(kept.iter().any(|versions| *versions > 2), "some came that far: {kept:?}");
    let verified = place.morpheus("models verify --store=store");
    assert_eq!(verified.code, 0, "{}", verified.stderr);
    // What was trained before the kill is not trained again.
    let last = place.morpheus(&line(KILLED));
    assert_eq!(last.code, 0, "{}", last.stderr);
    let again = place.morpheus(&line(KILLED));
    assert!(again.stdout.contains("up to date 4 models"), "{}", again.stdout);
}

/// A run over many users that is killed half-way goes on with the rest.
#[test]
fn a_killed_training_goes_on_with_the_rest() {
    let place = Place::generated(
        "--users=40 --training_rows=310 --new_rows=1 --days=30 --seed=4 --takeovers=0",
    );
    let line =
        format!("train --input=logs/training/*.csv --store=store --userid_column_name={USER}");
    let running = place.start(&line);
    let name = place.path("store").display().to_string();
    let stored = || match Library::at(&name) {
        Ok(library) => library.store().users().unwrap().len(),
        Err(_) => 0,
    };
    let start = Instant::now();
    while stored() < 15 && start.elapsed() < Duration::from_secs(60) {
        std::thread::sleep(Duration::from_millis(2));
    }
    running.killed();
    let before = stored();
    assert!((15..41).contains(&before), "{before}");
    let ended = place.morpheus(&line);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let of = |word: &str| {
        let line = ended.stdout.lines().find(|line| line.starts_with(word)).unwrap_or_default();
        line.split_whitespace().rev().nth(1).and_then(|n| n.parse::<usize>().ok()).unwrap_or(0)
    };
    // The two that were being written may be either.
    assert!(of("up to date") + 2 >= before, "{}\n{before}", ended.stdout);
    assert_eq!(of("up to date") + of("promoted"), 41, "{}", ended.stdout);
    assert_eq!(stored(), 41);
}
