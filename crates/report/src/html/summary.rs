//! The first things that one wants to know.

use super::aggregate::{Findings, Measure};
use super::count;
use crate::plots::axis;
use crate::summary::TooFew;
use maud::{Markup, html};

pub(super) fn title(found: &Findings) -> String {
    if none_possible(found) {
        return format!("{}, too few for alerts by z", count(found.rows, "row"));
    }
    if found.alert_rows == 0 && found.too_few.1 > 0 {
        let few = count(found.too_few.1, "row");
        return format!(
            "no alerts in {}; {few} of users with too few for one",
            count(found.rows, "row")
        );
    }
    let more = if found.at_least { "at least " } else { "" };
    format!("{more}{} in {}", count(found.alert_rows, "alert"), count(found.rows, "row"))
}

/// Whether no user has enough rows for an alert.
pub(super) fn none_possible(found: &Findings) -> bool {
    found.too_few.1 > 0 && found.too_few.1 >= found.scored
}

/// Why users with few rows have no alerts.
fn too_few(found: &Findings) -> Markup {
    let (users, rows) = found.too_few;
    html! {
        p {
            "No row of " (count(users, "user")) " with fewer than " (TooFew::LEAST) " rows ("
            (count(rows, "row")) " in all) can be an alert, however large its score: among so few rows no z is above 4. "
            "Rows of these users are compared with their training rows by "
            code { "add-scores --label=zscore" } ", and by the p-values of "
            code { "inf-ae --scorer=recommended" } "."
        }
    }
}

/// How many alerts there would be of rows of which none is unusual.
fn expected(rows: f64) -> String {
    if rows < 1_000.0 { format!("{rows:.1}") } else { axis::grouped(rows.round() as u64) }
}

pub(super) fn section(found: &Findings) -> Markup {
    let more = if found.at_least { "at least " } else { "" };
    let rule = match found.measure {
        _ if found.chosen => "that the stage alert has chosen".to_owned(),
        Measure::P(threshold) => format!("with a p-value of at most {}", axis::number(threshold)),
        Measure::Z => "with z above 4".to_owned(),
    };
    let share = match found.scored {
        0 => None,
        scored => Some(100.0 * found.alert_rows as f64 / scored as f64),
    };
    let highest = found.columns.iter().filter_map(|column| column.bucket.range);
    let highest_z = highest.map(|(_, high)| f64::from(high)).max_by(f64::total_cmp);
    html! {
        dl .tiles {
            div { dt { "Rows" } dd { (axis::grouped(found.rows)) } }
            div { dt { "Users" } dd { (axis::grouped(found.users as u64)) } }
            div .hot[found.alert_rows > 0] {
                dt { "Alerts" }
                dd {
                    @if none_possible(found) { "not possible" }
                    @else { (more) (axis::grouped(found.alert_rows)) }
                }
            }
            @if let Measure::P(threshold) = found.measure {
                @if !found.chosen {
                    div {
                        dt { "Expected false alerts" }
                        dd { (expected(threshold * found.scored as f64)) }
                    }
                }
                @if let Some(p) = found.lowest_p {
                    div { dt { "Lowest p-value" } dd { (axis::number(p)) } }
                }
            } @else if let Some(z) = highest_z {
                div { dt { "Highest z" } dd { (axis::number(z)) } }
            }
            @if let Some(flagged) = found.flagged {
                div { dt { "Rows at unusual times" } dd { (axis::grouped(flagged)) } }
            }
        }
        p {
            "An alert is a row " (rule) "."
            @if let Some(share) = share.filter(|_| !none_possible(found)) { " That is " (axis::number(share)) " % of the scored rows." }
            @if found.rows > found.scored {
                " " (count(found.rows - found.scored, "row")) " without a score."
            }
        }
        @if found.too_few.0 > 0 { (too_few(found)) }
        @if let Measure::Z = found.measure {
            p {
                "z is (score - mean) / standard deviation over the rows of the same user on this page. "
                "These rows have no p-values: " code { "inf-ae --scorer recommended" }
                " gives them, with reasons."
            }
        }
        @if found.at_least {
            p {
                "Of each user the 128 highest scores are looked at where rows have no p-value"
                @if found.of_further_users > 0 {
                    ", and of the first 10,000 users: "
                    (count(found.of_further_users, "row")) " of further users are not looked at"
                }
                "."
            }
        }
    }
}
