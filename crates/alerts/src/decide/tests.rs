use super::*;
use proptest::prelude::*;

const HOUR: i64 = 3_600_000_000_000;

fn row(user: &str, hour: i64, surprise: f64) -> Row {
    Row { user: Arc::from(user), time: hour * HOUR, surprise, score: 0.0, suppressed: false }
}

fn alerts(verdicts: &[Verdict]) -> Vec<usize> {
    (0..verdicts.len()).filter(|at| verdicts[*at] == Verdict::Alert).collect()
}

#[test]
fn a_threshold_takes_what_is_at_most_as_probable() {
    let p = [0.001, 0.0011, 1e-9, f64::NAN, 1.0];
    let mut rows: Vec<Row> = p.iter().map(|p| row("ann", 0, -p.ln())).collect();
    let mut decider = Decider::new(Policy::PValue(0.001));
    assert_eq!(alerts(&decider.decide(&rows, true)), [0, 2]);
    rows[2].suppressed = true;
    assert_eq!(decider.decide(&rows, true)[2], Verdict::Suppressed);
    assert_eq!(alerts(&Decider::new(Policy::PValue(1.0)).decide(&rows, true)), [0, 1, 4]);
}

/// The example of Benjamini and Hochberg (1995), section 3.2: 15 p-values, of which a share of .05 of
/// false discoveries lets four stand.
#[test]
fn the_share_of_false_alerts_is_that_of_benjamini_and_hochberg() {
    let p = [
        0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240, 0.4262,
        0.5719, 0.6528, 0.7590, 1.0,
    ];
    let rows: Vec<Row> = p.iter().rev().map(|p| row("ann", 0, -f64::ln(*p))).collect();
    let found = alerts(&Decider::new(Policy::FalseShare(0.05)).decide(&rows, true));
    assert_eq!(found, [11, 12, 13, 14]);
    assert!(alerts(&Decider::new(Policy::FalseShare(0.0001)).decide(&rows, true)).is_empty());
    // What is suppressed is no hypothesis: with three fewer, .0201 <= 5/12 x .05 stands as well.
    let mut rows = rows;
    rows[..3].iter_mut().for_each(|row| row.suppressed = true);
    assert_eq!(alerts(&Decider::new(Policy::FalseShare(0.05)).decide(&rows, true)).len(), 5);
}

#[test]
fn a_complete_day_gets_its_most_unusual_rows_and_suppressed_ones_cost_nothing() {
    let mut rows = vec![
        row("ann", 1, 3.0),
        row("ben", 2, 5.0),
        row("ann", 3, 4.0),
        row("ann", 25, 1.0),
        row("ben", 26, f64::NAN),
    ];
    let two = Policy::Budget { per_day: 2, each_user: false };
    assert_eq!(alerts(&Decider::new(two).decide(&rows, true)), [1, 2, 3]);
    rows[1].suppressed = true;
    let verdicts = Decider::new(two).decide(&rows, true);
    assert_eq!((alerts(&verdicts), verdicts[1]), (vec![0, 2, 3], Verdict::Suppressed));
    let each = Policy::Budget { per_day: 1, each_user: true };
    rows[1].suppressed = false;
    assert_eq!(alerts(&Decider::new(each).decide(&rows, true)), [1, 2, 3]);
}

#[test]
fn a_day_that_goes_on_takes_what_is_usually_worth_an_alert_until_its_budget_is_spent() {
    let mut decider = Decider::new(Policy::Budget { per_day: 2, each_user: false });
    // Nothing is known on the first day: by six in the morning a quarter of the budget, rounded up.
    let first: Vec<Row> = (0..=6).map(|hour| row("ann", hour, hour as f64)).collect();
    assert_eq!(alerts(&decider.decide(&first, false)), [6]);
    // The second row of the whole day had 5.
    let second = [row("ann", 25, 4.9), row("ann", 26, 5.0)];
    assert_eq!(alerts(&decider.decide(&second, false)), [1]);
    let burst = [row("ann", 27, 8.0), row("ann", 28, 9.0)];
    let verdicts = decider.decide(&burst, false);
    assert_eq!(verdicts, [Verdict::OverBudget, Verdict::Alert]);
    // The day ends with this batch; its budget is spent.
    let third = [row("ann", 47, 20.0), row("ann", 48, 1.0)];
    assert_eq!(decider.decide(&third, false), [Verdict::OverBudget, Verdict::Nothing]);
}

#[test]
fn what_was_spent_is_remembered_unless_the_budget_is_another() {
    let policy = Policy::Budget { per_day: 1, each_user: true };
    let mut decider = Decider::new(policy);
    decider.decide(&[row("ann", 1, 3.0), row("ann", 24, 3.0)], false);
    let bytes = decider.memory().unwrap().unwrap();
    let mut next = Decider::new(policy);
    assert!(next.recall(&bytes).unwrap());
    assert_eq!(next.ledgers, decider.ledgers);
    let mut other = Decider::new(Policy::Budget { per_day: 2, each_user: true });
    assert!(!other.recall(&bytes).unwrap());
    assert!(other.ledgers.of.is_empty() && next.recall(b"{").is_err());
    assert_eq!(Decider::new(Policy::PValue(0.1)).memory().unwrap(), None);
}

proptest! {
    /// However a stream is cut, no day has more alerts than its budget, and all together are no more
    /// than all at once would be.
    #[test]
    fn no_cut_of_a_stream_spends_more_than_the_budget(
        rows in prop::collection::vec((0i64..24 * 5, 0u8..50, any::<bool>()), 1..200),
        cuts in prop::collection::vec(0usize..200, 0..8),
        per_day in 1usize..6,
    ) {
        let mut hours: Vec<i64> = rows.iter().map(|row| row.0).collect();
        hours.sort_unstable();
        let rows: Vec<Row> = rows.iter().zip(hours).map(|((_, surprise, suppressed), hour)| Row {
            suppressed: *suppressed,
            ..row("ann", hour, f64::from(*surprise))
        }).collect();
        let policy = Policy::Budget { per_day, each_user: false };
        let whole = alerts(&Decider::new(policy).decide(&rows, true)).len();
        let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(rows.len())).collect();
        cuts.sort_unstable();
        cuts.push(rows.len());
        let (mut decider, mut first) = (Decider::new(policy), 0);
        let mut of_days: BTreeMap<i64, usize> = BTreeMap::new();
        for cut in cuts {
            let verdicts = decider.decide(&rows[first..cut], false);
            for (row, verdict) in rows[first..cut].iter().zip(&verdicts) {
                prop_assert!(!(row.suppressed && *verdict == Verdict::Alert));
                *of_days.entry(row.time / (24 * HOUR)).or_default() +=
                    usize::from(*verdict == Verdict::Alert);
            }
            first = cut;
        }
        prop_assert!(of_days.values().all(|spent| *spent <= per_day));
        prop_assert!(of_days.values().sum::<usize>() <= whole);
    }

    /// What is chosen does not depend on the order of equally old rows of a batch.
    #[test]
    fn the_most_unusual_rows_are_chosen(surprises in prop::collection::vec(0u16..1000, 1..60), per_day in 1usize..10) {
        let rows: Vec<Row> = surprises.iter().map(|s| row("ann", 1, f64::from(*s))).collect();
        let verdicts = Decider::new(Policy::Budget { per_day, each_user: false }).decide(&rows, true);
        let chosen = alerts(&verdicts);
        prop_assert_eq!(chosen.len(), per_day.min(rows.len()));
        let least = chosen.iter().map(|at| surprises[*at]).min().unwrap();
        let passed = (0..rows.len()).filter(|at| !chosen.contains(at)).map(|at| surprises[at]);
        prop_assert!(passed.max().is_none_or(|most| most <= least));
    }
}
