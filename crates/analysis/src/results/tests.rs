use super::*;
use arrow_array::{ArrayRef, Float64Array, StringArray};
use std::fmt::Write;

struct Silent;

impl Reporter for Silent {
    fn say(&self, _: dfp_engine::Weight, _: &str) {}
    fn progress(&self, _: Progress<'_>) {}
    fn phase_over(&self) {}
}

fn texts(values: &[Option<&str>]) -> ArrayRef {
    Arc::new(StringArray::from(values.to_vec()))
}

fn of(columns: Vec<(&str, ArrayRef)>, names: &Names) -> Result<Results, Vec<String>> {
    let rows = RecordBatch::try_from_iter(columns).unwrap();
    Results::of(rows, Vec::new(), names, Skipped::default()).map_err(|error| match error {
        RunError::Usage(mistakes) => mistakes,
        other => panic!("{other}"),
    })
}

#[test]
fn columns_are_known_by_the_names_that_runs_give_them() {
    let columns = || {
        vec![
            ("username", texts(&[Some("ann"), Some("ben"), Some("ann"), None])),
            ("event_dt", texts(&[Some("2024-01-01T00:00:01Z"), None, Some("x"), None])),
            ("ae_anomaly_score", texts(&[Some("1.5"), Some("2"), None, Some("x")])),
            ("host_surprise", texts(&[Some("0.5"), None, Some("3"), Some("0")])),
            ("host_z_loss", texts(&[Some("9"), None, Some("9"), Some("9")])),
        ]
    };
    let results = of(columns(), &Names::default()).unwrap();
    assert_eq!(results.user_column, "username");
    let users: Vec<_> =
        results.users.rows.iter().map(|(user, rows)| (&**user, &rows[..])).collect();
    assert_eq!(users, [("ann", &[0, 2][..]), ("ben", &[1][..])]);
    assert_eq!(results.users.without_user, 1);
    assert_eq!(results.times, [Some(1_704_067_201_000_000_000), None, None, None]);
    assert_eq!(results.score_column, "ae_anomaly_score");
    assert_eq!(results.scores[..2], [1.5, 2.0]);
    assert!(results.scores[2].is_nan() && results.scores[3].is_nan() && results.p_values.is_none());
    let contributions = results.contributions().unwrap();
    assert_eq!((contributions.unit, contributions.features.len()), ("surprise", 1));
    assert_eq!(contributions.features[0].0, "host");
    let user = results.user_of_rows();
    assert_eq!(user[2].as_deref(), Some("ann"));
    assert_eq!(user[3], None);
    // A column called score is ours beside one of p-values; the log may have one too.
    let further = || [("score", texts(&[Some("7"); 4])), ("p_value", texts(&[Some("0.5"); 4]))];
    let with_score = || columns().into_iter().chain(further()).collect::<Vec<_>>();
    assert_eq!(of(with_score(), &Names::default()).unwrap().scores, [7.0; 4]);
    let names = Names { score: Some("host_z_loss".into()), ..Names::default() };
    assert_eq!(of(with_score(), &names).unwrap().scores[0], 9.0);
}

#[test]
fn what_cannot_be_told_is_asked_for_all_at_once() {
    let number: ArrayRef = Arc::new(Float64Array::from(vec![1.0]));
    let names = Names { time: Some("when".into()), ..Names::default() };
    let columns =
        [("userPrincipalName", 1), ("username", 2)].map(|(name, _)| (name, texts(&[Some("ann")])));
    let mut columns = columns.to_vec();
    columns.push(("x", number));
    let mistakes = of(columns, &names).unwrap_err();
    assert_eq!(mistakes.len(), 3, "{mistakes:?}");
    let mut all = String::new();
    for mistake in &mistakes {
        let _ = writeln!(all, "{mistake}");
    }
    assert!(all.contains("--userid_column_name") && all.contains("userPrincipalName, username"));
    assert!(all.contains("--score_column") && all.contains("\"when\""), "{all}");
}

#[test]
fn users_of_digits_keep_their_names_and_files_their_order() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    write("a.csv", ",username,score,p_value\n0,007,1.5,0.01\n1,007,2.5,\n");
    write("b.jsonlines", "{\"username\":\"ann\",\"score\":9,\"p_value\":0.001}\n");
    write("c.csv", "");
    let globs = [folder.path().display().to_string()];
    let results = Results::read(&globs, &Names::default(), &Silent).unwrap();
    let users: Vec<_> =
        results.users.rows.iter().map(|(user, rows)| (&**user, rows.len())).collect();
    assert_eq!(users, [("007", 2), ("ann", 1)]);
    assert_eq!(results.scores, [1.5, 2.5, 9.0]);
    let p_values = results.p_values.unwrap();
    assert_eq!((p_values[0], p_values[2]), (0.01, 0.001));
    assert!(p_values[1].is_nan());
    assert_eq!(results.files.iter().map(|(_, rows)| *rows).collect::<Vec<_>>(), [2, 1, 0]);
    assert_eq!(results.skipped.files(), 1);
}

#[test]
fn a_column_with_the_same_row_number_twice_is_not_taken_for_that_of_users() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.csv");
    std::fs::write(&path, ",username,who,score\n0,acme,ann,1\n0,acme,ben,2\n1,acme,ann,3\n")
        .unwrap();
    let globs = [path.display().to_string()];
    match Results::read(&globs, &Names::default(), &Silent) {
        Err(RunError::Usage(mistakes)) => assert!(mistakes[0].ends_with("(there is username)")),
        other => panic!("{other:?}"),
    }
    let names = Names { user: Some("who".into()), ..Names::default() };
    assert_eq!(Results::read(&globs, &names, &Silent).unwrap().users.rows.len(), 2);
}
