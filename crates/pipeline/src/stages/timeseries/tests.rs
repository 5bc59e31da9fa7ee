//! The stage against the recorded scenarios, and against itself with rows cut otherwise.

use super::*;
use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int64Type};
use arrow_array::{Array, Int64Array, RecordBatch, TimestampMicrosecondArray};
use dfp_engine::Progress;
use dfp_engine::{Options, Pipeline, Source, Stop};
use dfp_logs::EVENT_DT;
use dfp_logs::columns::{FILE_ROW, INDEX};
use dfp_model::periodic::BinMapping;
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

struct Silent;

impl Reporter for Silent {
    fn say(&self, _: Weight, _: &str) {}
    fn progress(&self, _: Progress<'_>) {}
    fn phase_over(&self) {}
}

struct From(std::vec::IntoIter<Message>);

impl Source<Message> for From {
    fn next(&mut self) -> Result<Option<Message>, BoxError> {
        Ok(self.0.next())
    }
}

#[derive(Clone, Default)]
struct Into(Arc<Mutex<Vec<Message>>>);

impl Stage<Message> for Into {
    fn process(&mut self, message: Message, out: &mut Outlet<Message>) -> Result<(), BoxError> {
        self.0.lock().push(message.clone());
        out.emit(message);
        Ok(())
    }
}

/// Rows of a user by their numbers and times (microseconds since 1970).
fn message(user: &str, rows: &[(i64, i64)]) -> Message {
    let numbers: Int64Array = rows.iter().map(|row| row.0).collect();
    let times: TimestampMicrosecondArray = rows.iter().map(|row| Some(row.1)).collect();
    let columns: [(&str, ArrayRef); 3] = [
        (INDEX, Arc::new(numbers.clone())),
        (FILE_ROW, Arc::new(numbers)),
        (EVENT_DT, Arc::new(times.with_timezone("UTC"))),
    ];
    Message::new(user.into(), RecordBatch::try_from_iter(columns).unwrap())
}

/// What comes out of a run over these messages.
fn run(
    settings: &plan::TimeSeries,
    state: Option<Arc<StateDir>>,
    messages: Vec<Message>,
) -> Vec<Message> {
    let silent: Arc<dyn Reporter> = Arc::new(Silent);
    let results = ResultColumns::alone("timeseries", &silent);
    let stage = TimeSeries::new(settings.clone(), None, state, silent, Arc::default(), results);
    let into = Into::default();
    let chain = Pipeline::new("from", Box::new(From(messages.into_iter())));
    let chain = chain.stage("timeseries", Box::new(stage)).stage("into", Box::new(into.clone()));
    chain.run(&Options { edge_buffer_size: 4, num_threads: 1 }, &Stop::new()).unwrap();
    let messages = into.0.lock();
    messages.clone()
}

type Told = (bool, Option<f64>, Option<f64>);

/// Row number -> flag, score, expected count.
fn told(messages: &[Message]) -> BTreeMap<(String, i64), Told> {
    let mut told = BTreeMap::new();
    for message in messages {
        let rows = &message.rows;
        let numbers = rows.column_by_name(INDEX).unwrap().as_primitive::<Int64Type>();
        let flags = rows.column_by_name("ts_anomaly").unwrap().as_boolean();
        let number = |name: &str, row: usize| {
            let column = rows.column_by_name(name).unwrap().as_primitive::<Float64Type>();
            column.is_valid(row).then(|| column.value(row))
        };
        for row in 0..rows.num_rows() {
            let what = (flags.value(row), number("ts_score", row), number("ts_expected", row));
            let before = told.insert((message.user.to_string(), numbers.value(row)), what);
            assert_eq!(before, None, "a row came twice");
        }
    }
    told
}

fn golden(name: &str) -> PathBuf {
    let kept = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/golden");
    std::env::var_os("DFP_GOLDEN").map_or(kept, PathBuf::from).join("timeseries").join(name)
}

struct Scenario {
    settings: plan::TimeSeries,
    messages: Vec<Message>,
    /// By user and row number: what `intended_2206` and `as_coded_2206` say.
    flags: [BTreeMap<(String, i64), bool>; 2],
}

impl Scenario {
    fn read(name: &str) -> Self {
        let text = std::fs::read_to_string(golden(&format!("events_{name}.json"))).unwrap();
        let about: serde_json::Value = serde_json::from_str(&text).unwrap();
        let parameters = &about["parameters"];
        let seconds = |key: &str| {
            let text = parameters[key].as_str().unwrap();
            dfp_features::period::duration(text).unwrap().as_secs() as i64
        };
        let number = |key: &str| parameters[key].as_f64().unwrap();
        let resolution = seconds("resolution");
        let half = (seconds("min_window") + resolution - 1) / resolution;
        let method = Method::Spectral {
            filter_percent: number("filter_percent"),
            zscore_threshold: number("zscore_threshold"),
            mapping: BinMapping::Evident,
            by_message: true,
        };
        let mut settings = plan::TimeSeries::new(resolution, half, method);
        settings.hot_start = parameters["hot_start"].as_bool().unwrap();
        settings.cold_end = parameters["cold_end"].as_bool().unwrap();

        let mut reader = csv::Reader::from_path(golden(&format!("events_{name}.csv"))).unwrap();
        let header = reader.headers().unwrap().clone();
        let at = |name: &str| header.iter().position(|h| h == name).unwrap();
        let mut rows: BTreeMap<usize, (String, Vec<(i64, i64)>)> = BTreeMap::new();
        let mut flags = [BTreeMap::new(), BTreeMap::new()];
        for record in reader.records() {
            let record = record.unwrap();
            let cell = |name: &str| record[at(name)].to_owned();
            let (user, row) = (cell("user"), cell("user_index").parse().unwrap());
            for (flags, name) in flags.iter_mut().zip(["intended_2206", "as_coded_2206"]) {
                flags.insert((user.clone(), row), cell(name) == "True");
            }
            let time = dfp_features::period::instant(&cell("timestamp")).unwrap();
            let message =
                rows.entry(cell("message").parse().unwrap()).or_insert((user, Vec::new()));
            message.1.push((row, time));
        }
        let messages = rows.into_values().map(|(user, rows)| message(&user, &rows)).collect();
        Self { settings, messages, flags }
    }
}

const SCENARIOS: [&str; 5] = [
    "hourly_default",
    "ten_minutes_hot",
    "one_minute_cold_end",
    "two_users_hot_cold",
    "half_window_of_one_bin",
];

/// All of the recorded ones; the largest is not kept with the sources.
fn scenarios() -> impl Iterator<Item = &'static str> {
    let is_kept = |name: &&str| *name != "ten_minutes_hot";
    SCENARIOS
        .into_iter()
        .filter(move |name| std::env::var_os("DFP_GOLDEN").is_some() || is_kept(name))
}

#[test]
fn golden_scenarios_by_message() {
    for name in scenarios() {
        let scenario = Scenario::read(name);
        for (mapping, flags) in
            [BinMapping::Evident, BinMapping::Peer].into_iter().zip(&scenario.flags)
        {
            let mut settings = scenario.settings.clone();
            if let Method::Spectral { mapping: of_settings, .. } = &mut settings.method {
                *of_settings = mapping;
            }
            let told = told(&run(&settings, None, scenario.messages.clone()));
            let made: BTreeMap<_, _> = told.into_iter().map(|(row, told)| (row, told.0)).collect();
            assert!(&made == flags, "{name} {mapping:?}");
        }
    }
}

/// Windows by time are other windows: on the recorded streams they find most of the rows that the
/// reference flags, and few others.
#[test]
fn golden_scenarios_by_time() {
    let [mut both, mut missed, mut more, mut rows] = [0; 4];
    for name in scenarios() {
        let scenario = Scenario::read(name);
        let Method::Spectral { filter_percent, zscore_threshold, .. } = scenario.settings.method
        else {
            continue;
        };
        let method = Method::spectral(filter_percent, zscore_threshold);
        let plan::TimeSeries { resolution, half, hot_start, cold_end, .. } = scenario.settings;
        let mut settings = plan::TimeSeries::new(resolution, half, method);
        (settings.hot_start, settings.cold_end) = (hot_start, cold_end);
        let told = told(&run(&settings, None, scenario.messages.clone()));
        for (row, flag) in &scenario.flags[0] {
            let made = told[row].0;
            rows += 1;
            both += usize::from(*flag && made);
            missed += usize::from(*flag && !made);
            more += usize::from(!*flag && made);
        }
    }
    assert!(both > 4 * missed && 20 * more < rows, "{both} {missed} {more} of {rows}");
}

/// Events of some users over days: a daily rhythm with bursts, by seconds.
fn stream() -> impl Strategy<Value = Vec<(usize, i64)>> {
    let event = (0usize..3, 0i64..4 * 86_400, 0u8..10);
    proptest::collection::vec(event, 1..400).prop_map(|events| {
        let mut events: Vec<(usize, i64)> = events
            .into_iter()
            .map(|(user, second, kind)| match kind {
                0 => (user, 100_000 + second % 600),
                _ => (user, second - second % 86_400 + (second % 86_400) / 3 + 30_000),
            })
            .collect();
        events.sort_by_key(|event| event.1);
        events
    })
}

/// The stream in batches that end after these shares of it, each user's rows in messages of `rows`.
fn cut(events: &[(usize, i64)], ends: &[usize], rows: usize) -> Vec<Message> {
    let mut ends: Vec<usize> = ends.iter().map(|end| end * events.len() / 100).collect();
    ends.push(events.len());
    ends.sort_unstable();
    let (mut messages, mut start) = (Vec::new(), 0);
    for end in ends {
        let mut of_users: BTreeMap<usize, Vec<(i64, i64)>> = BTreeMap::new();
        for (row, (user, second)) in events.iter().enumerate().take(end).skip(start) {
            of_users.entry(*user).or_default().push((row as i64, second * 1_000_000));
        }
        let before = messages.len();
        for (user, of_user) in of_users {
            messages.extend(of_user.chunks(rows).map(|rows| message(&format!("u{user}"), rows)));
        }
        let users: Vec<Arc<str>> = messages[before..].iter().map(|m| Arc::clone(&m.user)).collect();
        if let Some(last) = messages[before..].last_mut() {
            let rows = users.into_iter().map(|user| (user, 0)).collect();
            last.receipt = Some(Arc::new(BatchAck { rows, ..BatchAck::default() }));
        }
        start = end;
    }
    messages
}

fn settings(hours: bool) -> plan::TimeSeries {
    let method = match hours {
        true => Method::HourOfWeek { p_value: 0.01 },
        false => Method::spectral(90.0, 3.0),
    };
    plan::TimeSeries::new(if hours { 3600 } else { 600 }, 12, method)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_batching_gives_the_same(
        events in stream(),
        ends in proptest::collection::vec(0usize..100, 0..6),
        rows in 1usize..50,
        options in any::<[bool; 3]>(),
        swaps in proptest::collection::vec(0usize..400, 0..40),
    ) {
        let mut settings = settings(options[0]);
        (settings.hot_start, settings.cold_end) = (options[1], options[2]);
        let whole = told(&run(&settings, None, cut(&events, &[], usize::MAX)));
        let pieces = run(&settings, None, cut(&events, &ends, rows));
        let receipts: Vec<bool> = pieces.iter().map(|message| message.receipt.is_some()).collect();
        prop_assert_eq!(receipts.last(), Some(&true));
        prop_assert_eq!(&told(&pieces), &whole);
        prop_assert_eq!(whole.len(), events.len());

        // Rows that come late, within the lateness.
        let mut late: Vec<(usize, (usize, i64))> = events.iter().copied().enumerate().collect();
        for at in swaps {
            if at + 1 < late.len() && late[at + 1].1.1 - late[at].1.1 < 900 && late[at].0 == at && late[at + 1].0 == at + 1 {
                late.swap(at, at + 1);
            }
        }
        settings.lateness = 900;
        let order: Vec<usize> = late.iter().map(|event| event.0).collect();
        let events: Vec<(usize, i64)> = late.into_iter().map(|event| event.1).collect();
        let renumber = |told: BTreeMap<(String, i64), Told>| -> BTreeMap<(String, i64), Told> {
            told.into_iter().map(|((u, row), told)| ((u, order[row as usize] as i64), told)).collect()
        };
        prop_assert_eq!(&renumber(told(&run(&settings, None, cut(&events, &ends, rows)))), &whole);
    }

    /// A run that is killed after any of its commits goes on as if nothing had happened.
    #[test]
    fn a_killed_run_goes_on(
        events in stream(),
        ends in proptest::collection::vec(0usize..100, 1..6),
        killed in 0usize..6,
        hours in any::<bool>(),
    ) {
        let settings = settings(hours);
        let all = cut(&events, &ends, 40);
        let whole = told(&run(&settings, None, all.clone()));
        let folder = tempfile::tempdir().unwrap();
        let state = Arc::new(StateDir::open(folder.path(), "test").unwrap());
        let out = run(&settings, Some(Arc::clone(&state)), all.clone());
        // What had been written up to the receipt of this batch is committed, the rest is lost.
        let ends: Vec<usize> = (0..out.len()).filter(|at| out[*at].receipt.is_some()).collect();
        let end = ends[killed.min(ends.len() - 1)];
        let mut told_so_far = told(&out[..=end]);
        let batches = out[..=end].iter().filter(|message| message.receipt.is_some()).count();
        for message in &out[..=end] {
            if let Some(receipt) = &message.receipt {
                let history = receipt.history.lock();
                let commit = dfp_connectors::state::Commit { history: &history, ..Default::default() };
                state.commit(&commit).unwrap();
            }
        }
        let mut receipts = 0;
        let rest = all.into_iter().filter(|message| {
            let is_rest = receipts >= batches;
            receipts += usize::from(message.receipt.is_some());
            is_rest
        });
        let rest = run(&settings, Some(state), rest.collect());
        told_so_far.extend(told(&rest));
        prop_assert_eq!(told_so_far, whole);
    }
}

#[test]
fn a_year_of_events_is_not_remembered() {
    let settings = settings(false);
    let mut judge = Judge::new(settings.clone());
    let mut user = ByTime::new(History::new(&settings));
    let (mut most, mut decided, mut done) = (0, Vec::new(), 0);
    for day in 0..365i64 {
        let seconds: Vec<Option<i64>> = (0..288).map(|at| Some(day * 86_400 + at * 300)).collect();
        user.push(day as u64, &seconds, &mut judge, &mut decided).unwrap();
        most = most.max(user.history.bins());
        done += decided.drain(..).count();
    }
    // A day's message, the window before and after it, and a tile.
    let window = settings.past + settings.half + settings.tile;
    assert!(most as i64 <= 144 + window, "{most} bins");
    assert!(done >= 364);
}

#[test]
fn what_is_late_or_has_no_time_is_passed_on_untested() {
    let mut settings = settings(false);
    settings.hot_start = true;
    let hour = 3_600_000_000;
    let mut first = message("ann", &[(0, 0), (1, 10 * hour)]);
    let late = message("ann", &[(2, hour), (3, i64::MAX / 1_000)]);
    first.receipt = None;
    let told = told(&run(&settings, None, vec![first, late]));
    let score = |row: i64| told[&("ann".to_owned(), row)].2;
    assert!(score(0).is_some() && score(1).is_some());
    assert_eq!((score(2), score(3)), (None, None));
}
