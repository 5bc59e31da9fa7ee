use super::*;
use std::fs;
use std::time::{Duration, SystemTime};

/// A folder, and what is known of it.
struct Place {
    folder: tempfile::TempDir,
    known: KnownFiles,
}

impl Place {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), known: KnownFiles::default() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    fn rename(&self, from: &str, to: &str) {
        fs::rename(self.path(from), self.path(to)).unwrap();
    }

    /// What the files are; those that are new are read then, and have a row a line.
    fn look(&mut self) -> Vec<(String, Seen)> {
        let mut files: Vec<PathBuf> =
            fs::read_dir(self.folder.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.sort();
        let arrivals = self.known.recognise(files);
        let mut seen = Vec::new();
        for Arrival { path, mark, seen: of_file } in arrivals {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if matches!(of_file, Seen::New | Seen::Changed | Seen::Grown(_)) {
                let lines = fs::read(&path).unwrap().iter().filter(|byte| **byte == b'\n').count();
                self.known.insert(path, FileMark { rows: Some(lines as u64), ..mark });
            }
            if of_file != Seen::Read {
                seen.push((name, of_file));
            }
        }
        seen
    }

    fn expect(&mut self, expected: &[(&str, Seen)]) {
        let seen = self.look();
        let seen: Vec<_> = seen.iter().map(|(name, seen)| (name.as_str(), seen.clone())).collect();
        assert_eq!(seen, expected);
        assert!(self.look().is_empty(), "nothing has happened since");
    }
}

fn gzip(text: &str) -> Vec<u8> {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut gzip, text.as_bytes()).unwrap();
    gzip.finish().unwrap()
}

#[test]
fn a_file_that_was_touched_or_renamed_is_the_same() {
    let mut place = Place::new();
    place.write("a", "{1}\n");
    place.expect(&[("a", Seen::New)]);
    let past = SystemTime::now() - Duration::from_secs(9_000);
    fs::File::options().append(true).open(place.path("a")).unwrap().set_modified(past).unwrap();
    place.expect(&[("a", Seen::Touched)]);
    assert_eq!(place.known.changes().len(), 1);
    place.rename("a", "b");
    let a = place.path("a");
    place.expect(&[("b", Seen::Renamed(a))]);
}

#[test]
fn a_stamp_of_equal_length_is_another_content() {
    let mut place = Place::new();
    place.write("a", "{1}\n");
    place.expect(&[("a", Seen::New)]);
    place.write("a", "{2}\n");
    place.expect(&[("a", Seen::Changed)]);
    // The former content comes back under another name.
    place.write("b", "{1}\n");
    let a = place.path("a");
    place.expect(&[("b", Seen::Renamed(a))]);
}

#[test]
fn a_rotation_with_packing_leaves_nothing_to_read_but_the_new_log() {
    let mut place = Place::new();
    place.write("log", "{1}\n");
    place.expect(&[("log", Seen::New)]);
    for (round, text) in ["{2}\n", "{3}\n", "{4}\n"].into_iter().enumerate() {
        if round > 0 {
            let packed = fs::read_to_string(place.path("log.1")).unwrap();
            let name = format!("log.{}.gz", 10 - round);
            fs::write(place.path(&name), gzip(&packed)).unwrap();
            fs::remove_file(place.path("log.1")).unwrap();
        }
        place.rename("log", "log.1");
        place.write("log", text);
        let seen = place.look();
        let new: Vec<&str> = seen
            .iter()
            .filter(|(_, seen)| !matches!(seen, Seen::Renamed(_) | Seen::Copy(_)))
            .map(|(name, _)| name.as_str())
            .collect();
        assert_eq!(new, ["log"], "{seen:?}");
    }
}

#[test]
fn a_copy_is_skipped_whether_the_first_one_has_been_read_or_not() {
    let mut place = Place::new();
    place.write("a", "{1}\n");
    place.write("b", "{1}\n");
    let a = place.path("a");
    assert_eq!(place.look(), [("a".into(), Seen::New), ("b".into(), Seen::Twin(a.clone()))]);
    // Nothing is remembered of the twin before the first one has been read.
    assert!(place.known.changes().is_empty());
    place.expect(&[("b", Seen::Copy(a))]);
    // Empty files are no copies of each other.
    place.write("c", "");
    place.write("d", "");
    place.expect(&[("c", Seen::New), ("d", Seen::New)]);
}

#[test]
fn of_a_file_that_was_appended_to_the_rows_before_are_known() {
    let mut place = Place::new();
    place.write("a", "{1}\n{2}\n");
    place.expect(&[("a", Seen::New)]);
    place.write("a", "{1}\n{2}\n{3}\n");
    place.expect(&[("a", Seen::Grown(Some(Earlier { rows: 2, lines: 2 })))]);
    assert_eq!(place.known.contents.len(), 1, "what it was before is forgotten");
    // Between two looks it was appended to, and renamed.
    place.write("a", "{1}\n{2}\n{3}\n{4}\n");
    place.rename("a", "a.1");
    place.write("a", "{5}\n");
    place
        .expect(&[("a", Seen::Changed), ("a.1", Seen::Grown(Some(Earlier { rows: 3, lines: 3 })))]);
    // A file that begins like one that is still there has rows of its own.
    place.write("b", "{5}\n{6}\n");
    place.expect(&[("b", Seen::New)]);
    // What was taken for a row may have been its beginning.
    place.write("d", "x\n12\n3");
    place.expect(&[("d", Seen::New)]);
    place.write("d", "x\n12\n34\n");
    place.expect(&[("d", Seen::Grown(Some(Earlier { rows: 1, lines: 2 })))]);
    // Labels may begin anew.
    place.write("c", ",x\n0,1\n");
    place.expect(&[("c", Seen::New)]);
    place.write("c", ",x\n0,1\n0,2\n");
    place.expect(&[("c", Seen::Grown(None))]);
}

#[test]
fn a_log_that_was_copied_and_then_appended_to_is_known_and_so_is_the_copy() {
    for text in ["a,b\n1,2\n".to_owned(), format!("a,b\n{}", "1,2\n".repeat(3_000))] {
        let mut place = Place::new();
        place.write("app.csv", &text);
        place.expect(&[("app.csv", Seen::New)]);
        place.write("backup.csv", &text);
        let copy = Seen::Copy(place.path("app.csv"));
        place.expect(&[("backup.csv", copy)]);
        place.write("app.csv", &format!("{text}3,4\n"));
        let seen = place.look();
        assert!(matches!(seen[0].1, Seen::Grown(Some(_))), "{seen:?}");
        place.rename("backup.csv", "old.csv");
        let renamed = Seen::Renamed(place.path("backup.csv"));
        place.expect(&[("old.csv", renamed)]);
    }
}

#[test]
fn a_packed_file_that_was_cut_short_is_read_again_when_it_is_whole() {
    let mut place = Place::new();
    let whole = gzip("{1}\n{2}\n");
    fs::write(place.path("a.gz"), &whole[..whole.len() - 8]).unwrap();
    place.expect(&[("a.gz", Seen::New)]);
    fs::write(place.path("a.gz"), whole).unwrap();
    let seen = place.look();
    assert!(
        matches!(seen[..], [(_, Seen::Grown(None | Some(Earlier { rows: 0, .. })))]),
        "{seen:?}"
    );
}

#[test]
fn what_has_been_read_to_a_time_is_continued_under_another_name() {
    let mut place = Place::new();
    place.write("a", "{1}\n");
    let a = place.path("a");
    let arrival = place.known.recognise(vec![a.clone()]).remove(0);
    place.known.insert(a, FileMark { until: Some(5), ..arrival.mark });
    place.rename("a", "b");
    let b = place.path("b");
    let arrival = place.known.recognise(vec![b]).remove(0);
    assert!(matches!(arrival.seen, Seen::Renamed(_)) && !arrival.is_finished());
    assert_eq!(arrival.mark.until, Some(5));
}

#[test]
fn marks_of_earlier_versions_get_their_content_and_are_found_by_their_beginning() {
    let place = Place::new();
    place.write("a", "{1}\n");
    let a = place.path("a");
    let stamp = Stamp::of(&a);
    let old = FileMark { head: head(&a, stamp.bytes), ..FileMark::new(stamp) };
    let mut known = KnownFiles::new(Vec::new(), vec![(a.clone(), old)]);
    assert!(known.stamps().is_empty(), "it is looked at once more");
    assert_eq!(known.recognise(vec![a.clone()])[0].seen, Seen::Read);
    assert!(known.changes()[0].1.content.is_some());
    let mut known = KnownFiles::new(Vec::new(), vec![(a.clone(), old)]);
    place.rename("a", "b");
    let b = place.path("b");
    assert_eq!(known.recognise(vec![b])[0].seen, Seen::Renamed(a));
}
