use super::*;
use dfp_connectors::known::KnownFiles;
use dfp_features::period::{Period, instant};
use dfp_storage::files::Stamp;
use std::ops::Range;

fn rules(period: Option<Period>, bytes: u64) -> Rules {
    Rules { period, by_name: false, bytes, memory: u64::MAX }
}

/// A file with rows at these hours of the first days of 2024, ten bytes a row.
fn open(path: &str, hours: &[i64]) -> Open {
    let first = instant("2024-01-01").unwrap() / HOUR;
    let mut of_hour = Hours::new();
    for hour in hours {
        *of_hour.entry(first + hour).or_default() += 1;
    }
    let stamp = Stamp { bytes: 10 * hours.len() as u64, modified_ns: 1 };
    let mark = FileMark::new(stamp);
    Open { hours: Some(of_hour), ..Open::of(path.into(), mark, None) }
}

fn new(files: &[PathBuf]) -> Vec<Arrival> {
    files.iter().cloned().map(Arrival::new).collect()
}

fn slice(times: Range<i64>, again: bool) -> Slice {
    Slice { times, again, earlier: Earlier::default(), timeless: true }
}

fn day(day: i64) -> i64 {
    instant("2024-01-01").unwrap() + day * 24 * HOUR
}

#[test]
fn a_batch_ends_with_each_period_and_where_it_would_be_too_large() {
    let files = [open("a", &[0, 1, 30]), open("b", &[25, 80])];
    let days = Some(Period::parse("D").unwrap());
    assert_eq!(ends(&files, &rules(days, 1_000)), [day(1), day(2)]);
    assert_eq!(ends(&files, &rules(None, 1_000)), [0_i64; 0]);
    let hour = |hour: i64| day(0) + hour * HOUR;
    assert_eq!(ends(&files, &rules(None, 20)), [hour(25), hour(80)]);
    assert_eq!(ends(&files, &rules(days, 10)), [hour(1), hour(24), hour(30), day(2)]);
    let half = Some(Period::parse("30m").unwrap());
    assert_eq!(
        ends(&[open("a", &[0, 2])], &rules(half, 1_000)),
        [hour(0) + HOUR / 2, hour(1), hour(2) + HOUR / 2]
    );
}

#[test]
fn hours_at_the_ends_of_the_calendar_are_in_batches_too() {
    let (first, last) = (i64::MIN.div_euclid(HOUR), i64::MAX.div_euclid(HOUR));
    let file = Open { hours: Some(Hours::from([(first, 1), (last, 1)])), ..open("a", &[]) };
    for period in ["D", "M", "1m"] {
        let mut files = vec![file.clone()];
        let ends = ends(&files, &rules(Period::parse(period), 1_000));
        let batches = ends.into_iter().map(Some).chain([None]);
        assert!(batches.map(|end| cut(&mut files, end)).any(|batch| batch.files.len() == 1));
        assert!(files.is_empty(), "{period}");
    }
}

#[test]
fn every_row_is_in_one_batch_and_a_late_file_in_the_next() {
    let mut files = vec![open("a", &[0, 30]), open("b", &[1])];
    let first = cut(&mut files, Some(day(1)));
    assert_eq!(first.files, [Path::new("a"), Path::new("b")]);
    assert_eq!(
        first.slice(Path::new("a")),
        Slice { timeless: false, ..slice(i64::MIN..day(1), false) }
    );
    assert_eq!(first.marks[0].1.until, Some(day(1)));
    assert_eq!(first.marks[1].1.until, None);
    // Rows before the first batch's end, but nobody has had them.
    files.push(open("late", &[2]));
    let second = cut(&mut files, Some(day(2)));
    assert_eq!(second.files, [Path::new("a"), Path::new("late")]);
    assert_eq!(second.slice(Path::new("a")), slice(day(1)..day(2), true));
    assert_eq!(second.slice(Path::new("late")), slice(i64::MIN..day(2), false));
    assert!(files.is_empty(), "a ends in the second day");
}

#[test]
fn files_that_are_all_there_are_one_batch_unless_they_are_large() {
    let directory = tempfile::tempdir().unwrap();
    let write = |name: &str| {
        let path = directory.path().join(name);
        std::fs::write(&path, [b'x'; 20]).unwrap();
        path
    };
    let files = vec![write("a.csv"), write("b.csv")];
    let never = |_: &[PathBuf]| -> Vec<Times> { panic!("nobody needs the times") };
    let mut small = Fixed::new(new(&files), &rules(None, 40), &never);
    assert!(!small.is_cut());
    assert_eq!(small.next().unwrap().files, files);
    assert_eq!(small.next(), None);

    let hours = |paths: &[PathBuf]| -> Vec<Times> {
        paths.iter().map(|_| Times::of(Hours::from([(10, 1), (20, 1)]))).collect()
    };
    let mut large = Fixed::new(new(&files), &rules(None, 30), &hours);
    assert!(large.is_cut());
    let (first, second) = (large.next().unwrap(), large.next().unwrap());
    assert_eq!((&first.files, &second.files), (&files, &files));
    assert_eq!(first.slice(&files[0]).times, i64::MIN..20 * HOUR);
    assert_eq!(second.slice(&files[0]).times, 20 * HOUR..i64::MAX);
    assert_eq!(large.next(), None);

    // What an earlier run has read is not read again.
    let mut known = KnownFiles::new(Vec::new(), first.marks.clone());
    let again = known.recognise(files.clone());
    let mut rest = Fixed::new(again, &rules(None, 1_000), &never);
    assert_eq!(rest.next().unwrap().slice(&files[1]), slice(20 * HOUR..i64::MAX, true));
    let again = KnownFiles::new(Vec::new(), second.marks).recognise(files);
    assert_eq!(Fixed::new(again, &rules(None, 1_000), &never).next(), None);
}

/// The rows before what was appended may have times after those of a part of it.
#[test]
fn a_run_that_ends_amid_what_was_appended_remembers_what_was_there_before() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.csv");
    std::fs::write(&path, [b'x'; 20]).unwrap();
    let earlier = Earlier { rows: 7, lines: 8 };
    let grown = Arrival { seen: Seen::Grown(Some(earlier)), ..Arrival::new(path.clone()) };
    let hours = |paths: &[PathBuf]| -> Vec<Times> {
        paths.iter().map(|_| Times::of(Hours::from([(10, 1), (20, 1)]))).collect()
    };
    let mut batches = Fixed::new(vec![grown], &rules(None, 10), &hours);
    let first = batches.next().unwrap();
    let known = |batch: &Batch| KnownFiles::new(Vec::new(), batch.marks.clone());
    let again = known(&first).recognise(vec![path.clone()]);
    let rest = Fixed::new(again, &rules(None, 1_000), &hours).next().unwrap();
    let expected = Slice { earlier, ..slice(20 * HOUR..i64::MAX, true) };
    assert_eq!(rest.slice(&path), expected);
    assert_eq!(rest.slice(&path), batches.next().unwrap().slice(&path));
    assert_eq!(rest.marks[0].1.earlier, None);
}

#[test]
fn files_can_go_by_the_time_in_their_names() {
    let names = ["x_2024-01-02.csv", "a_2024-01-02.csv", "b_2024-01-01.csv"];
    let files = names.map(PathBuf::from).to_vec();
    let days = Rules { by_name: true, ..rules(Period::parse("D"), 1_000) };
    let never = |_: &[PathBuf]| -> Vec<Times> { panic!("nobody needs the times") };
    let mut batches = Fixed::new(new(&files), &days, &never);
    assert_eq!(batches.next().unwrap().files, [Path::new("b_2024-01-01.csv")]);
    let second = batches.next().unwrap();
    assert_eq!(second.files, [Path::new("a_2024-01-02.csv"), Path::new("x_2024-01-02.csv")]);
    assert_eq!(second.slice(&second.files[0]).times, ALWAYS);
    assert_eq!(batches.next(), None);
}
