//! Every kind of store does the same: one test for all of them.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on has failed")]

#[cfg(feature = "remote")]
#[path = "../../../cli/tests/cli/absent.rs"]
mod absent;
mod conformance;
#[cfg(feature = "remote")]
mod remote;

use dfp_registry::store::{self, Purpose};

#[test]
fn a_folder_is_a_store() {
    let folder = tempfile::tempdir().unwrap();
    let name = folder.path().join("models").display().to_string();
    conformance::check(&name);
}

#[test]
fn a_place_that_is_no_store_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let name = folder.path().display().to_string();
    let refused = |name: &str, purpose| store::open(name, purpose).unwrap_err().to_string();
    let missing = refused(&name, Purpose::Read);
    assert!(missing.contains("there is no store here"), "{missing}");
    // What a program that was killed while it made the store has left is no obstacle.
    let begun = tempfile::tempdir().unwrap();
    std::fs::write(begun.path().join(".store.json.7.abc.partial"), "half").unwrap();
    store::open(&begun.path().display().to_string(), Purpose::Write).unwrap();
    std::fs::write(folder.path().join("precious.txt"), "x").unwrap();
    let other = refused(&name, Purpose::Write);
    assert!(other.contains("it has other things in it"), "{other}");
    std::fs::write(folder.path().join("store.json"), r#"{"format":"dfp-store","version":2}"#)
        .unwrap();
    let later = refused(&name, Purpose::Read);
    assert!(later.contains("version 2"), "{later}");
    let address = refused("ftp://models", Purpose::Write);
    assert!(address.contains("\"ftp://models\"; expected a folder, "), "{address}");
}

/// What a writer that was killed between two steps leaves is no version, and its number is not used again.
#[test]
fn half_a_version_is_none() {
    let folder = tempfile::tempdir().unwrap();
    let store =
        store::open(&folder.path().join("s").display().to_string(), Purpose::Write).unwrap();
    assert_eq!(store.put("ann", b"m", b"{}").unwrap(), 1);
    let of_ann = folder.path().join("s/users/ann");
    std::fs::write(of_ann.join("00000002.json"), "{}").unwrap();
    std::fs::write(of_ann.join(".00000002.dfp.1.abc.partial"), "half").unwrap();
    assert_eq!(store.shelf("ann").unwrap().versions, [1]);
    assert_eq!(store.put("ann", b"m", b"{}").unwrap(), 3);
    assert_eq!(store.shelf("ann").unwrap().versions, [1, 3]);
    // It is younger than a day: its writer may still be at work.
    assert_eq!(store.sweep().unwrap(), 0);
    let old = std::time::SystemTime::now() - std::time::Duration::from_secs(100_000);
    for name in ["00000002.json", ".00000002.dfp.1.abc.partial", "00000001.json"] {
        let file = std::fs::File::options().write(true).open(of_ann.join(name)).unwrap();
        file.set_modified(old).unwrap();
    }
    assert_eq!(store.sweep().unwrap(), 2);
    assert_eq!(store.shelf("ann").unwrap().versions, [1, 3]);
}
