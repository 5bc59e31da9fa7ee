use super::aggregate::{Asked, Digest, Findings, Measure, Names, View};
use super::*;
use crate::plots::palette;
use arrow_array::{ArrayRef, BooleanArray, Float64Array, Int64Array, RecordBatch, StringArray};
use std::sync::Arc;

const HOSTILE: &str = "</script><img src=x onerror=alert(1)>\"'&";

/// Rows as a run of the recommended scorers writes them.
fn batch(p_values: &[f64], text: &str) -> RecordBatch {
    let rows = p_values.len();
    let numbers = |values: Vec<f64>| Arc::new(Float64Array::from(values)) as ArrayRef;
    let texts: ArrayRef = Arc::new(StringArray::from(vec![text; rows]));
    let indexes: ArrayRef = Arc::new(Int64Array::from_iter_values(0..rows as i64));
    let times = Int64Array::from_iter_values((0..rows as i64).map(|row| row * 60_000_000));
    let time = arrow_schema::DataType::Timestamp(arrow_schema::TimeUnit::Microsecond, None);
    let flags: BooleanArray = (0..rows).map(|row| Some(row % 7 == 0)).collect();
    let gaps: StringArray = (0..rows).map(|row| (row % 2 == 0).then_some("x")).collect();
    RecordBatch::try_from_iter_with_nullable([
        ("_index_", indexes, false),
        ("event_dt", arrow_cast::cast(&times, &time).unwrap(), true),
        ("eventName", Arc::clone(&texts), true),
        ("errorCode", Arc::new(gaps), true),
        ("score", numbers(p_values.iter().map(|p| -p.ln()).collect()), true),
        ("p_value", numbers(p_values.to_vec()), true),
        ("eventName_surprise", numbers(p_values.iter().map(|p| 1.0 - p).collect()), true),
        ("errorCode_surprise", numbers(vec![0.25; rows]), true),
        ("reason", texts, true),
        ("ts_anomaly", Arc::new(flags), true),
        ("ts_score", numbers(vec![0.5; rows]), true),
        ("ts_expected", numbers(vec![1.0; rows]), true),
    ])
    .unwrap()
}

fn asked() -> Asked {
    Asked { threshold: 0.001, alerts: 5 }
}

fn found(users: &[(&str, RecordBatch)]) -> Findings {
    let mut digest = Digest::new(asked());
    for (user, batch) in users {
        let view = View::of_user(&Arc::from(*user), batch, &Names::default()).unwrap();
        digest.add(&view).unwrap();
    }
    digest.finish()
}

fn html(findings: Findings) -> String {
    Page { findings, files: vec![(HOSTILE.to_owned(), 3)], run: None }.html().unwrap()
}

#[test]
fn what_is_found_is_what_the_rows_say() {
    let ann = batch(&[0.5, 0.0005, 0.001, 0.2], "Get");
    let bob = batch(&[0.9, 1e-6], "Put");
    let found = found(&[("ann", ann), ("bob", bob)]);
    assert_eq!((found.rows, found.scored, found.alert_rows, found.users), (6, 6, 3, 2));
    assert_eq!(
        (found.measure, found.lowest_p, found.flagged),
        (Measure::P(0.001), Some(1e-6), Some(2))
    );
    let alerts: Vec<_> =
        found.alerts.iter().map(|alert| (&*alert.user, alert.p_value, alert.file_row)).collect();
    assert_eq!(
        alerts,
        [
            ("bob", Some(1e-6), Some(1)),
            ("ann", Some(0.0005), Some(1)),
            ("ann", Some(0.001), Some(2))
        ]
    );
    assert_eq!(found.alerts[0].parts[0].0, 0, "eventName contributed most");
    assert_eq!(found.alerts[0].cells, [Some("Put".to_owned()), None]);
    assert_eq!(found.missing, [("errorCode".to_owned(), 3), ("eventName".to_owned(), 0)]);
    let lines: Vec<_> =
        found.listed.iter().map(|user| (&*user.name, user.rows, user.alerts)).collect();
    assert_eq!(lines, [("ann", 4, 2), ("bob", 2, 1)]);
    let page = html(found);
    assert!(page.contains("<h1>3 alerts in 6 rows</h1>"), "{page}");
    assert!(page.contains("<dd>0.0</dd>"), "the alerts of usual behaviour");
}

#[test]
fn hostile_texts_stay_texts_everywhere() {
    let page = html(found(&[(HOSTILE, batch(&[1e-9, 1e-4, 0.5], HOSTILE))]));
    assert!(!page.contains("<img"), "{page}");
    assert_eq!(page.matches("<script").count(), 2);
    assert_eq!(page.matches("</script").count(), 2);
    assert_eq!(page.matches("<svg").count(), page.matches("</svg>").count());
    // Names in tables, drawings, attributes and the list of files; values and reasons.
    assert!(page.matches("&lt;/script&gt;").count() >= 12, "{page}");
    let policy = "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; ";
    assert!(page.contains(policy), "{page}");
    // Nothing that the policy would refuse, and nothing from anywhere else.
    for word in [" style=\"", " onclick", "javascript:", "http://", "https://"] {
        let namespaces = page.matches("http://www.w3.org/").count();
        let there = page.matches(word).count();
        assert_eq!(there, if word == "http://" { namespaces } else { 0 }, "{word}");
    }
}

#[test]
fn no_row_one_row_and_rows_that_are_all_alerts_make_pages() {
    let page = html(found(&[]));
    assert!(page.contains("<h1>0 alerts in 0 rows</h1>") && page.contains("There are no rows."));
    let page = html(found(&[("ann", batch(&[0.5], "Get"))]));
    assert!(page.contains("No row is above the threshold."), "{page}");
    let rows: Vec<f64> = (0..50_000).map(|row| 1e-9 * f64::from(1 + row % 1_000)).collect();
    let found = found(&[("ann", batch(&rows, "Get"))]);
    assert_eq!((found.alert_rows, found.alerts.len()), (50_000, 5));
    let first: Vec<Option<f64>> = found.alerts.iter().map(|alert| alert.p_value).collect();
    assert_eq!(first, [Some(1e-9); 5]);
    let page = html(found);
    assert!(page.len() < 400_000, "{}", page.len());
    assert!(page.contains("The 5 least usual of 50,000 alerts"));
}

#[test]
fn without_p_values_alerts_are_the_rows_far_from_their_users_mean() {
    let mut digest = Digest::new(asked());
    for (user, usual) in [("ann", 1.0), ("bob", 100.0)] {
        let scores = (0..300).map(|row| match row {
            250 => usual * 3.0,
            row => usual + f64::from(row % 5) / 10.0,
        });
        let column: ArrayRef = Arc::new(Float64Array::from_iter_values(scores));
        let batch = RecordBatch::try_from_iter([("ae_anomaly_score", column)]).unwrap();
        // In messages, as they come.
        for start in (0..300).step_by(60) {
            let part = batch.slice(start, 60);
            digest
                .add(&View::of_user(&Arc::from(user), &part, &Names::default()).unwrap())
                .unwrap();
        }
    }
    let found = digest.finish();
    assert_eq!((found.measure, found.alert_rows, found.at_least), (Measure::Z, 2, false));
    let users: Vec<&str> = found.alerts.iter().map(|alert| &*alert.user).collect();
    assert_eq!(users, ["bob", "ann"]);
    assert!(found.alerts.iter().all(|alert| alert.z.is_some_and(|z| z > 4.0)));
    let marked = found.columns.iter().filter(|column| column.bucket.alert).count();
    assert_eq!(marked, 2);
    let page = html(found);
    assert!(page.contains("standard deviation over the rows of the same user"), "{page}");
    assert!(page.contains("The rows have no times"), "{page}");
}

#[test]
fn rows_of_different_scorers_are_refused_and_so_are_rows_without_scores() {
    let mut digest = Digest::new(asked());
    let user: Arc<str> = Arc::from("ann");
    let with_p = batch(&[0.5], "Get");
    digest.add(&View::of_user(&user, &with_p, &Names::default()).unwrap()).unwrap();
    let scores: ArrayRef = Arc::new(Float64Array::from(vec![1.0]));
    let peer = RecordBatch::try_from_iter([("ae_anomaly_score", scores)]).unwrap();
    let view = View::of_user(&user, &peer, &Names::default()).unwrap();
    let error = digest.add(&view).unwrap_err().to_string();
    assert!(error.contains("runs with different scorers"), "{error}");
    let none = with_p.project(&[0, 1, 2]).unwrap();
    let error = View::of_user(&user, &none, &Names::default()).err().unwrap().to_string();
    assert!(error.contains("there is no column of scores: \"ae_anomaly_score\""), "{error}");
}

#[test]
fn every_colour_of_a_drawing_has_one_of_the_page() {
    let colours = [
        palette::INK,
        palette::GRID,
        palette::ROWS,
        palette::ALERT,
        palette::THRESHOLD,
        palette::FLAG,
        palette::TRAINING,
    ];
    for colour in colours {
        let hex = format!("=\"#{:02X}{:02X}{:02X}\"]", colour.0, colour.1, colour.2);
        assert!(STYLE.contains(&hex), "{hex}");
    }
}

#[test]
fn what_the_stage_alert_has_chosen_counts_instead_of_the_threshold() {
    let rows = batch(&[0.5, 0.0005, 0.2], "Get");
    let chosen: ArrayRef = Arc::new(BooleanArray::from(vec![Some(true), Some(false), None]));
    let peers = ("ae_anomaly_score", Arc::clone(rows.column_by_name("score").unwrap()));
    let with_p =
        dfp_logs::columns::with_columns(&rows, [("alert".to_owned(), Arc::clone(&chosen))]);
    let without = RecordBatch::try_from_iter([peers, ("alert", chosen)]);
    let names = Names { chosen: true, ..Names::default() };
    for batch in [with_p.unwrap(), without.unwrap()] {
        let mut digest = Digest::new(asked());
        let view = View::of_user(&Arc::from("ann"), &batch, &names).unwrap();
        digest.add(&view).unwrap();
        let found = digest.finish();
        assert_eq!((found.alert_rows, found.listed[0].alerts, found.at_least), (1, 1, false));
        assert_eq!((found.alerts.len(), found.alerts[0].order), (1, 0));
        assert_eq!(found.columns.iter().filter(|column| column.bucket.alert).count(), 1);
        let page = html(found);
        assert!(page.contains("An alert is a row that the stage alert has chosen."), "{page}");
        assert!(!page.contains("threshold: "), "{page}");
    }
}
