use super::{BudgetOf, Budgets, Evaluation, Judged, Row, Span, evaluate};

/// Two users over two days; ann's labelled row is her highest, bob's his second.
fn judged() -> Judged {
    let row = |user, day, score: f64, kind| Row {
        user,
        part: 0,
        day,
        score,
        p_value: Some((-score).exp()),
        kind,
    };
    Judged {
        users: vec!["ann".into(), "bob".into()],
        kinds: vec!["burst".to_owned(), "slow".to_owned(), "none".to_owned()],
        rows: vec![
            row(0, 0, 5.0, Some(0)),
            row(0, 1, 2.0, None),
            row(0, 0, 1.0, None),
            row(1, 1, 9.0, None),
            row(1, 0, 4.0, Some(1)),
            row(1, 1, 0.5, None),
        ],
        spans: vec![Span { user: 0, part: 0, days: 2.0 }, Span { user: 1, part: 0, days: 2.0 }],
        part_days: vec![2.0],
    }
}

fn evaluated(of: BudgetOf, a_day: f64) -> Evaluation {
    evaluate(&judged(), &Budgets { a_day: vec![a_day], of }, 1)
}

#[test]
fn one_budget_for_all_takes_the_highest_rows_of_them_all() {
    let found = evaluated(BudgetOf::All, 1.0);
    assert_eq!((found.rows, found.users, found.labelled), (6, 2, 2));
    // The highest of each of two days: 5 and 9.
    let spent = &found.budgets[0];
    assert_eq!((spent.alerts, spent.found), (2.0, 1.0));
    assert_eq!((spent.recall, spent.precision), (Some(0.5), Some(0.5)));
    assert_eq!(spent.score_from, Some((5.0, 9.0)));
    let (low, high) = spent.p_value_to.unwrap();
    assert!((low - (-9.0_f64).exp()).abs() < 1e-15 && (high - (-5.0_f64).exp()).abs() < 1e-15);
    // One false alert in four days of users.
    assert!((spent.false_alerts_per_user_month - 365.25 / 12.0 / 4.0).abs() < 1e-9);
    let kinds: Vec<(&str, f64)> =
        found.kinds.iter().map(|kind| (kind.kind.as_str(), kind.recall[0])).collect();
    assert_eq!(kinds, [("burst", 1.0), ("slow", 0.0)]);
    // Above 2, 1 and .5, below 9.
    assert_eq!(found.kinds[1].auroc, Some(0.75));
}

#[test]
fn a_budget_of_each_user_looks_at_everybody() {
    let spent = &evaluated(BudgetOf::Each, 1.0).budgets[0];
    assert_eq!((spent.alerts, spent.found, spent.recall), (4.0, 2.0, Some(1.0)));
    assert_eq!(spent.score_from, Some((2.0, 9.0)));
    // A budget above what there is takes everything.
    let spent = &evaluated(BudgetOf::Each, 50.0).budgets[0];
    assert_eq!((spent.alerts, spent.precision), (6.0, Some(2.0 / 6.0)));
}

#[test]
fn rows_without_a_score_count_as_missed() {
    let mut judged = judged();
    judged.rows[0].score = f64::NAN;
    judged.rows[0].p_value = None;
    let found = evaluate(&judged, &Budgets { a_day: vec![2.0], of: BudgetOf::All }, 1);
    assert_eq!((found.unscored, found.budgets[0].found), (1, 1.0));
    assert_eq!(found.budgets[0].p_value_to, None);
}

#[test]
fn parts_are_measured_by_themselves() {
    let mut judged = judged();
    judged.rows[3..].iter_mut().for_each(|row| row.part = 1);
    judged.spans[1].part = 1;
    judged.part_days = vec![2.0, 2.0];
    let found = evaluate(&judged, &Budgets { a_day: vec![1.0], of: BudgetOf::All }, 1);
    assert_eq!(found.parts.len(), 2);
    assert_eq!((found.parts[0].auroc, found.parts[1].auroc), (Some(1.0), Some(0.5)));
    assert_eq!(found.parts[0].recall, [Some(1.0)]);
    assert_eq!(found.parts[1].recall, [Some(1.0)]);
    assert!((found.days - 4.0).abs() < 1e-12);
}

#[test]
fn without_labels_there_is_nothing_to_measure() {
    let mut judged = judged();
    judged.rows.iter_mut().for_each(|row| row.kind = None);
    let found = evaluate(&judged, &Budgets { a_day: vec![1.0], of: BudgetOf::All }, 1);
    assert_eq!((found.auroc, found.auroc_interval, found.budgets[0].recall), (None, None, None));
    assert!(found.kinds.is_empty());
}
