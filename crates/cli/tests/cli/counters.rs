//! The counters of sign-ins are the reference's, however rows fall into files, runs and batches.

use crate::place::{Place, column};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// How one vendor's log is taken apart and put together.
struct Vendor {
    source: &'static str,
    /// Where a row's own members are, as a JSON pointer.
    inner: &'static str,
    user: &'static str,
    place: [&'static str; 3],
    application: Option<&'static str>,
}

const AZURE: Vendor = Vendor {
    source: "azure",
    inner: "/properties",
    user: "userPrincipalName",
    place: ["locationcity", "locationstate", "locationcountryOrRegion"],
    application: Some("appDisplayName"),
};

const DUO: Vendor = Vendor {
    source: "duo",
    inner: "",
    user: "username",
    place: ["accessdevicelocationcity", "accessdevicelocationstate", "accessdevicelocationcountry"],
    application: None,
};

/// A row as it is read when all of the log is one file.
struct Row {
    id: usize,
    user: String,
    time: String,
    day: String,
    counters: Vec<String>,
}

/// A log, its rows in the order of time.
struct Log {
    vendor: &'static Vendor,
    events: Vec<Value>,
    rows: Vec<Row>,
}

impl Vendor {
    fn line(&self, options: &str) -> String {
        format!(
            "run pipeline-ae from-{} --input_glob=in/*.json {options} to-file --filename=out.csv",
            self.source
        )
    }

    fn rows(&self, csv: &str) -> Vec<Row> {
        let names = ["locincrement", "logcount", "appincrement"];
        let names = &names[..2 + usize::from(self.application.is_some())];
        let counters: Vec<Vec<String>> = names.iter().map(|name| column(csv, name)).collect();
        let [ids, users, times, days] =
            ["rowNumber", self.user, "time", "day"].map(|name| column(csv, name));
        let row = |at: usize| Row {
            id: ids[at].parse().unwrap(),
            user: users[at].clone(),
            time: times[at].clone(),
            day: days[at].clone(),
            counters: counters.iter().map(|values| values[at].clone()).collect(),
        };
        (0..ids.len()).map(row).collect()
    }

    /// The reference's rules, counted anew for each user and day.
    fn counted_plainly(&self, csv: &str) -> BTreeMap<usize, Vec<String>> {
        let columns = self.place.map(|name| column(csv, name));
        let places: Vec<[&String; 3]> =
            (0..columns[0].len()).map(|at| [0, 1, 2].map(|part| &columns[part][at])).collect();
        let applications = self.application.map(|name| column(csv, name));
        let rows = self.rows(csv);
        let mut order: Vec<usize> = (0..rows.len()).collect();
        order.sort_by_key(|at| &rows[*at].time);
        let mut days: BTreeMap<_, (BTreeSet<_>, BTreeSet<_>, usize)> = BTreeMap::new();
        let mut counted = BTreeMap::new();
        for at in order {
            let row = &rows[at];
            let day = days.entry((&row.user, &row.day)).or_default();
            day.0.insert(places[at]);
            let mut counters = vec![format!("{}.0", day.0.len()), day.2.to_string()];
            day.2 += 1;
            if let Some(applications) = &applications {
                day.1.extend(Some(&applications[at]).filter(|name| !name.is_empty()));
                counters.push(format!("{}.0", day.1.len()));
            }
            counted.insert(row.id, counters);
        }
        counted
    }
}

impl Log {
    /// Numbers the events, and reads them as one file. Of events of a user at the very same instant
    /// only the first stays: their order is that of the files.
    fn new(vendor: &'static Vendor, events: Vec<Value>) -> Self {
        let mut numbered = events;
        for (id, event) in numbered.iter_mut().enumerate() {
            event.pointer_mut(vendor.inner).unwrap()["rowNumber"] = id.into();
        }
        let mut log = Self { vendor, events: numbered, rows: Vec::new() };
        let all: Vec<usize> = (0..log.events.len()).collect();
        let mut instants = BTreeSet::new();
        let mut rows = vendor.rows(&log.read_at_once(&all, 1));
        // A row without a readable time is of no day: tests of times have such.
        rows.retain(|row| !row.time.is_empty());
        rows.retain(|row| instants.insert((row.user.clone(), row.time.clone())));
        let kept: Vec<usize> = rows.iter().map(|row| row.id).collect();
        let csv = log.read_at_once(&kept, 1);
        log.rows = vendor.rows(&csv);
        log.rows.sort_by(|a, b| a.time.cmp(&b.time));
        assert_eq!(log.counters(&csv), vendor.counted_plainly(&csv), "{}", vendor.source);
        log
    }

    fn generated(vendor: &'static Vendor) -> Self {
        let place = Place::new();
        let ended = place.morpheus(&format!(
            "tools generate --source={} --output_dir=logs --users=4 --days=9 --training_rows=10 --new_rows=60 --takeovers=2",
            vendor.source
        ));
        assert_eq!(ended.code, 0, "{}", ended.stderr);
        let mut events = Vec::new();
        for name in place.list("logs/validation") {
            let text = place.read(&format!("logs/validation/{name}"));
            events.extend(serde_json::from_str::<Vec<Value>>(&text).unwrap());
        }
        Self::new(vendor, events)
    }

    fn recorded(vendor: &'static Vendor, files: &[&str]) -> Self {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../testdata/golden/derived/");
        let read = |file: &&str| std::fs::read(format!("{folder}{file}")).unwrap();
        let events = files
            .iter()
            .flat_map(|file| serde_json::from_slice::<Vec<Value>>(&read(file)).unwrap());
        Self::new(vendor, events.collect())
    }

    /// These events, cut into files in no order of time.
    fn files(&self, ids: &[usize], count: usize) -> Vec<String> {
        let mut files = vec![Vec::new(); count];
        for at in 0..ids.len() {
            let event = &self.events[ids[at * 7919 % ids.len()]];
            files[at % count].push(event.to_string());
        }
        files.retain(|file| !file.is_empty());
        files.iter().map(|file| format!("[{}]", file.join(","))).collect()
    }

    fn read_at_once(&self, ids: &[usize], count: usize) -> String {
        let place = Place::new();
        for (number, file) in self.files(ids, count).iter().enumerate() {
            place.write(&format!("in/{number}.json"), file);
        }
        let ended = place.morpheus(&self.vendor.line(""));
        assert!([0, 3].contains(&ended.code), "{}", ended.stderr);
        place.read("out.csv")
    }

    fn ids(&self) -> Vec<usize> {
        self.rows.iter().map(|row| row.id).collect()
    }

    /// Counters by row.
    fn counters(&self, csv: &str) -> BTreeMap<usize, Vec<String>> {
        let rows = self.vendor.rows(csv);
        let count = rows.len();
        let counters: BTreeMap<_, _> = rows.into_iter().map(|row| (row.id, row.counters)).collect();
        assert_eq!(counters.len(), count, "a row was written twice");
        counters
    }

    fn right(&self, csv: &str, what: &str) {
        let expected: BTreeMap<_, _> =
            self.rows.iter().map(|row| (row.id, row.counters.clone())).collect();
        let counters = self.counters(csv);
        let wrong: Vec<_> =
            expected.iter().filter(|(id, row)| counters.get(id) != Some(row)).collect();
        assert!(
            counters.len() == expected.len() && wrong.is_empty(),
            "{} {what}: {} rows of {}; wrong {wrong:?}",
            self.vendor.source,
            counters.len(),
            expected.len()
        );
    }

    /// Rows of each day, in the order of time.
    fn days(&self) -> Vec<Vec<usize>> {
        self.rows
            .chunk_by(|a, b| a.day == b.day)
            .map(|rows| rows.iter().map(|row| row.id).collect())
            .collect()
    }

    fn in_runs_one_after_the_other(&self, count: usize) {
        let place = Place::new();
        let mut number = 0;
        // Runs end in the middle of days.
        for part in self.ids().chunks(self.rows.len().div_ceil(5)) {
            for file in self.files(part, count) {
                place.write(&format!("in/{:03}.json", number * 571 % 1000), file);
                number += 1;
            }
            let ended = place.morpheus(&self.vendor.line("--state_dir state"));
            // 3 where a recorded row has no readable time.
            assert!([0, 3].contains(&ended.code), "{}", ended.stderr);
        }
        self.right(&place.read("out.csv"), &format!("in runs, {count} files each"));
    }

    fn while_files_arrive(&self, count: usize) {
        let place = Place::new();
        let line = self.vendor.line(
            "--watch_directory true --state_dir state --period D --lateness 1h --settle 200ms --batch_timeout 0.1",
        );
        std::fs::create_dir(place.path("in")).unwrap();
        let mut running = place.start(&line);
        let (mut number, mut complete) = (0, 0);
        let days = self.days();
        assert!(days.len() >= 3, "{}", days.len());
        for (day, ids) in days.iter().enumerate() {
            let files = self.files(ids, count);
            for (at, file) in files.iter().enumerate() {
                // Names are in no order either.
                let name = format!("in/{:03}.json", number * 571 % 1000);
                number += 1;
                place.write(&format!("{name}.part"), file);
                std::fs::rename(place.path(&format!("{name}.part")), place.path(&name)).unwrap();
                if at == files.len() / 2 && day % 3 != 0 {
                    match day % 3 {
                        1 => running.killed(),
                        // Right after its start the signal ends it as any program.
                        _ => assert!([0, 3, -1].contains(&running.stopped().code)),
                    }
                    running = place.start(&line);
                }
            }
            if day == 3 {
                // While the day before is being handed on, or just before, or just after.
                std::thread::sleep(Duration::from_millis(40 * count as u64 % 97));
                running.killed();
                running = place.start(&line);
            }
            place.wait_for_rows("out.csv", complete);
            complete += ids.len();
        }
        assert!([0, 3, -1].contains(&running.stopped().code));
        // What waits for the end of its day is left to a run that does not watch.
        let ended = place.morpheus(&self.vendor.line("--state_dir state"));
        assert!([0, 3].contains(&ended.code), "{}", ended.stderr);
        self.right(&place.read("out.csv"), &format!("while {count} files a day arrive"));
    }

    fn cut_in_every_way(&self) {
        for count in [1, 7, 50] {
            let at_once = self.read_at_once(&self.ids(), count);
            self.right(&at_once, &format!("at once, {count} files"));
            self.in_runs_one_after_the_other(count);
            self.while_files_arrive(count);
        }
    }
}

#[test]
fn counters_of_generated_azure_logs() {
    Log::generated(&AZURE).cut_in_every_way();
}

#[test]
fn counters_of_generated_duo_logs() {
    Log::generated(&DUO).cut_in_every_way();
}

#[test]
fn counters_of_recorded_azure_logs() {
    Log::recorded(&AZURE, &["azure_1.json", "azure_2.json"]).cut_in_every_way();
}

#[test]
fn counters_of_recorded_duo_logs() {
    Log::recorded(&DUO, &["duo.json"]).cut_in_every_way();
}
