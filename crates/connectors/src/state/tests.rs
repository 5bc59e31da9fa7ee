use super::*;
use crate::file_identity::Content;
use dfp_storage::files::Stamp;
use std::fs;

fn mark(bytes: u64, until: Option<i64>) -> FileMark {
    FileMark { until, ..FileMark::new(Stamp { bytes, modified_ns: 7 }) }
}

#[test]
fn what_was_committed_is_there_after_opening_again() {
    let directory = tempfile::tempdir().unwrap();
    let folder = directory.path().join("deep/state");
    let files = [("a.json".into(), mark(1, None)), ("b.json".into(), mark(2, Some(-5)))];
    let outputs = [OutputMark {
        path: "out.csv".into(),
        bytes: 12,
        columns: vec![("n".into(), "Int64".into())],
    }];
    {
        let state = StateDir::open(&folder, "from-azure").unwrap();
        assert_eq!(state.user("ana").unwrap(), (0, None));
        assert!(state.files().unwrap().is_empty() && state.outputs().unwrap().is_empty());
        let commit = Commit {
            files: &files,
            rows: &[("ana".into(), 3)],
            memory: &[("ana".into(), b"{}".to_vec())],
            history: &[("ana".into(), b"[]".to_vec())],
            outputs: &outputs,
            windows: &[],
            alerts: Some(b"spent"),
            event_ids: &[3, 1],
        };
        state.commit(&commit).unwrap();
        let later = [("b.json".into(), mark(2, None))];
        state.commit(&Commit { files: &later, ..Commit::default() }).unwrap();
    }
    let state = StateDir::open(&folder, "from-azure").unwrap();
    assert_eq!(state.user("ana").unwrap(), (3, Some(b"{}".to_vec())));
    assert_eq!(state.history("ana").unwrap(), Some(b"[]".to_vec()));
    assert_eq!(state.outputs().unwrap(), outputs);
    assert_eq!(state.alerts().unwrap(), Some(b"spent".to_vec()));
    assert_eq!(state.event_ids().unwrap(), [3, 1]);
    let known = state.known().unwrap();
    assert_eq!(state.files().unwrap().len(), 2);
    assert_eq!(known.get(Path::new("b.json")), Some(&mark(2, None)));
}

#[test]
fn windows_grow_by_parts_and_are_replaced_whole() {
    use arrow_array::{ArrayRef, StringArray};
    let rows = |texts: &[&str]| {
        let texts: ArrayRef = Arc::new(StringArray::from(texts.to_vec()));
        RecordBatch::try_from_iter_with_nullable([("a", texts, true)]).unwrap()
    };
    let directory = tempfile::tempdir().unwrap();
    let state = StateDir::open(directory.path(), "train").unwrap();
    let part = |user: &str, texts: &[&str]| {
        (Arc::from(user), WindowChange::Further(Part::encode(&rows(texts)).unwrap()))
    };
    for windows in [vec![part("ann", &["x", "y"]), part("bo", &["z"])], vec![part("ann", &["w"])]] {
        state.commit(&Commit { windows: &windows, ..Commit::default() }).unwrap();
    }
    assert_eq!(state.windows().unwrap(), [("ann".into(), 3), ("bo".into(), 1)]);
    assert_eq!(state.window("ann").unwrap(), [rows(&["x", "y"]), rows(&["w"])]);
    let whole = WindowChange::Whole(Part::encode(&rows(&["y", "w"])).unwrap());
    let windows = [("ann".into(), whole)];
    state.commit(&Commit { windows: &windows, ..Commit::default() }).unwrap();
    assert_eq!(state.window("ann").unwrap(), [rows(&["y", "w"])]);
    assert_eq!(state.window("bo").unwrap().len(), 1);
    assert!(state.window("an").unwrap().is_empty());
}

#[test]
fn what_a_process_killed_at_its_very_start_has_left_is_no_obstacle() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join(".state.half"), "half a header").unwrap();
    StateDir::open(directory.path(), "from-azure").unwrap();
    let left: Vec<_> =
        fs::read_dir(directory.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(!left.contains(&".state.half".into()), "{left:?}");
}

#[test]
fn a_folder_in_use_or_of_another_pipeline_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let first = StateDir::open(directory.path(), "from-azure").unwrap();
    let second = StateDir::open(directory.path(), "from-azure").err().unwrap().to_string();
    assert!(second.contains("state.redb\": another process is using it"), "{second}");
    drop(first);
    let other = StateDir::open(directory.path(), "from-duo").err().unwrap().to_string();
    assert!(other.contains("another pipeline (from-azure, and this one is from-duo)"), "{other}");
}

#[test]
fn a_file_whose_name_another_one_has_taken_stays_known_by_its_content() {
    let directory = tempfile::tempdir().unwrap();
    let content = |whole| Some(Content { bytes: 5, first: 1, whole });
    let of = |whole| FileMark { content: content(whole), ..mark(5, None) };
    {
        let state = StateDir::open(directory.path(), "from-azure").unwrap();
        for whole in [1, 2, 2] {
            let files = [("log".into(), of(whole))];
            state.commit(&Commit { files: &files, ..Commit::default() }).unwrap();
        }
    }
    let state = StateDir::open(directory.path(), "from-azure").unwrap();
    assert_eq!(state.files().unwrap(), [("log".into(), of(2))]);
    let read = state.database.begin_read().unwrap();
    let former = read.open_table(FORMER).unwrap();
    let keys: Vec<_> = former.iter().unwrap().map(|entry| entry.unwrap().0.value()).collect();
    assert_eq!(keys, [(1, 5)]);
}

#[cfg(unix)]
#[test]
fn names_of_files_and_outputs_are_bytes() {
    use std::os::unix::ffi::OsStrExt;
    let directory = tempfile::tempdir().unwrap();
    let name = |bytes: &[u8]| PathBuf::from(std::ffi::OsStr::from_bytes(bytes));
    let files = [(name(b"a\xfe"), mark(1, None)), (name(b"a\xff"), mark(2, None))];
    let outputs = [OutputMark { path: name(b"out\xff.csv"), bytes: 1, columns: Vec::new() }];
    let state = StateDir::open(directory.path(), "from-azure").unwrap();
    let commit = Commit { files: &files, outputs: &outputs, ..Commit::default() };
    state.commit(&commit).unwrap();
    assert_eq!(state.files().unwrap(), files);
    assert_eq!(state.outputs().unwrap(), outputs);
}

#[test]
fn a_folder_of_the_version_before_opens_and_keeps_its_files() {
    let directory = tempfile::tempdir().unwrap();
    let old = r#"{"stamp":{"bytes":3,"modified_ns":7},"until":null,"head":9}"#;
    {
        let database = Database::create(directory.path().join(FILE)).unwrap();
        let write = database.begin_write().unwrap();
        write.open_table(OLD_FILES).unwrap().insert("/logs/å.json", old.as_bytes()).unwrap();
        let about = r#"{"version":1,"pipeline":"from-azure"}"#;
        write.open_table(SINGLE).unwrap().insert(ABOUT, about.as_bytes()).unwrap();
        write.open_table(ROWS).unwrap().insert("ana", 4).unwrap();
        write.commit().unwrap();
    }
    for _ in 0..2 {
        let state = StateDir::open(directory.path(), "from-azure").unwrap();
        let expected = FileMark { head: Some(9), ..mark(3, None) };
        assert_eq!(state.files().unwrap(), [("/logs/å.json".into(), expected)]);
        assert_eq!(state.user("ana").unwrap(), (4, None));
    }
}

/// Damages the database at many places: it is refused, or holds what it held; and the copy takes its place.
#[test]
fn damage_is_found_or_does_no_harm() {
    let directory = tempfile::tempdir().unwrap();
    let files: Vec<(PathBuf, FileMark)> =
        (0..300).map(|at| (format!("/logs/{at}.json").into(), mark(at, None))).collect();
    let rows: Vec<(Arc<str>, u64)> = (0..300).map(|at| (at.to_string().into(), at)).collect();
    {
        let state = StateDir::open(directory.path(), "from-azure").unwrap();
        for (files, rows) in files.chunks(30).zip(rows.chunks(30)) {
            state.commit(&Commit { files, rows, ..Commit::default() }).unwrap();
        }
    }
    let mut expected = files.clone();
    expected.sort_by(|(a, _), (b, _)| a.cmp(b));
    let path = directory.path().join(FILE);
    let sound = fs::read(&path).unwrap();
    let copy = fs::read(directory.path().join("state.copy.redb")).unwrap();
    let (mut refused, mut random) = (0, 7_u64);
    let mut next = |below: usize| {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (random >> 33) as usize % below
    };
    for round in 0..300 {
        let mut bytes = sound.clone();
        match round % 4 {
            0 => bytes.truncate(next(sound.len())),
            1 => {
                // Where the database says where everything is.
                let at = next(512);
                bytes[at] ^= 1 << next(8);
            }
            2 => {
                let at = next(sound.len());
                bytes[at] ^= 1 << next(8);
            }
            _ => {
                let at = next(sound.len() - 64);
                bytes[at..at + 64].fill(next(256) as u8);
            }
        }
        fs::write(&path, &bytes).unwrap();
        match StateDir::open(directory.path(), "from-azure") {
            Ok(state) => {
                let files = state.files().unwrap();
                // Damage may cost the last transactions: what they held is read again, and written once.
                assert!(files.iter().all(|file| expected.contains(file)), "{round}");
                for (user, count) in &rows {
                    let found = state.user(user).unwrap().0;
                    assert!(found == *count || found == 0, "{round} {user} {found}");
                }
            }
            Err(error) => {
                refused += 1;
                let text = error.to_string();
                assert!(text.contains("state.redb\": it is damaged ("), "{round} {text}");
                assert!(text.contains("--rebuild_state"), "{text}");
                fs::write(directory.path().join("state.copy.redb"), &copy).unwrap();
                let (state, said) = StateDir::rebuild(directory.path(), "from-azure").unwrap();
                assert!(said.contains("a copy takes its place"), "{said}");
                assert_eq!(state.files().unwrap(), expected, "{round}");
            }
        }
    }
    assert!(refused > 100, "{refused} of 300");
}

#[test]
fn what_is_sound_is_not_rebuilt_and_without_a_copy_all_begins_anew() {
    let directory = tempfile::tempdir().unwrap();
    let files = [("a".into(), mark(1, None))];
    {
        let state = StateDir::open(directory.path(), "from-azure").unwrap();
        state.commit(&Commit { files: &files, ..Commit::default() }).unwrap();
    }
    let (state, said) = StateDir::rebuild(directory.path(), "from-azure").unwrap();
    assert!(said.contains("is sound: nothing to rebuild"), "{said}");
    assert_eq!(state.files().unwrap(), files);
    drop(state);
    fs::remove_file(directory.path().join("state.copy.redb")).unwrap();
    fs::write(directory.path().join(FILE), "").unwrap();
    let (state, said) = StateDir::rebuild(directory.path(), "from-azure").unwrap();
    assert!(said.contains("all files are read again"), "{said}");
    assert!(state.files().unwrap().is_empty());
    assert!(directory.path().join("state.redb.damaged").exists());
}
