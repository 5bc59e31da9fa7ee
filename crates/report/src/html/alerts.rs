//! The alerts, one row each, with their reasons.

use super::aggregate::{Alert, Findings, Measure};
use super::summary::none_possible;
use super::{count, escape, scrolling};
use crate::plots::axis;
use maud::{Markup, html};

/// Contributions that are listed.
const LISTED: usize = 12;

pub(super) fn section(found: &Findings) -> Markup {
    if found.alerts.is_empty() {
        let all = match found.alert_rows {
            0 if none_possible(found) => {
                "No row can be above the threshold: there are too few rows of each user.".to_owned()
            }
            0 => "No row is above the threshold.".to_owned(),
            n => format!("{}, none of which is to be shown.", count(n, "alert")),
        };
        return html! { p { (all) } };
    }
    let with_p = matches!(found.measure, Measure::P(_));
    let shown = found.alerts.len() as u64;
    let more = if found.at_least { "at least " } else { "" };
    let order = if with_p { "the least likely first" } else { "the highest z first" };
    let caption = format!(
        "The {shown} least usual of {more}{}, {order}. Times are UTC; row is the row's number in its own file, from 0.",
        count(found.alert_rows, "alert")
    );
    let has_rows = found.alerts.iter().any(|alert| alert.file_row.is_some());
    let has_flags = found.flagged.is_some();
    let table = html! {
        table #alerts-table .cards data-table="alerts" role="table" {
            caption { (caption) }
            thead role="rowgroup" { tr role="row" {
                (head("rank", "Rank", None, true))
                (head("time", "Time", None, false))
                (head("user", "User", None, false))
                @if has_rows { (head("row", "Row", None, true)) }
                (head("score", "Score", None, true))
                @if with_p {
                    (head("p_value", "p-value", Some("ascending"), true))
                } @else {
                    (head("z", "z", Some("descending"), true))
                }
                @if has_flags { (head("flag", "Time flag", None, false)) }
                th scope="col" role="columnheader" { "Why" }
            } }
            tbody role="rowgroup" {
                @for (rank, alert) in (1_u64..).zip(&found.alerts) {
                    tr role="row" {
                        (number("Rank", Some(rank), u64::to_string))
                        td role="cell" data-name="Time" data-value=[alert.time] {
                            @if let Some(time) = alert.time { (axis::time(time)) }
                        }
                        (user_cell(&alert.user))
                        @if has_rows { (number("Row", alert.file_row, i64::to_string)) }
                        (number("Score", alert.score, |score| axis::number(*score)))
                        @if with_p {
                            (number("p-value", alert.p_value, |p| axis::number(*p)))
                        } @else {
                            (number("z", alert.z, |z| axis::number(*z)))
                        }
                        @if has_flags {
                            td role="cell" data-name="Time flag" data-value=(u8::from(alert.flagged)) {
                                @if alert.flagged { "yes" }
                            }
                        }
                        td .why role="cell" data-name="Why" { div { (why(alert, found)) } }
                    }
                }
            }
        }
    };
    html! {
        (controls("alerts", "Show alerts that contain", shown))
        (scrolling("Alerts", &table))
    }
}

/// A column that the script can sort by.
pub(super) fn head(key: &str, name: &str, sorted: Option<&str>, number: bool) -> Markup {
    html! {
        th scope="col" role="columnheader" .number[number] data-key=(key) aria-sort=(sorted.unwrap_or("none")) {
            button type="button" { (name) }
        }
    }
}

/// What filters a table.
pub(super) fn controls(table: &str, label: &str, rows: u64) -> Markup {
    html! {
        p .js-only.controls {
            label for={ (table) "-filter" } { (label) }
            input id={ (table) "-filter" } type="search" autocomplete="off" spellcheck="false";
            output id={ (table) "-shown" } for={ (table) "-filter" } aria-live="polite" {
                (axis::grouped(rows)) " of " (axis::grouped(rows))
            }
        }
    }
}

/// The cell that a row is about.
pub(super) fn user_cell(user: &str) -> Markup {
    html! {
        th scope="row" role="rowheader" data-name="User" data-value=(user) { (escape::of_log(user)) }
    }
}

/// A cell with a number; sorting reads it in full.
pub(super) fn number<T: std::fmt::Display>(
    name: &str,
    value: Option<T>,
    shown: impl Fn(&T) -> String,
) -> Markup {
    html! {
        td .number role="cell" data-name=(name) data-value=[value.as_ref()] { @if let Some(value) = &value { (shown(value)) } }
    }
}

fn why(alert: &Alert, found: &Findings) -> Markup {
    let first = match (&alert.reason, alert.parts.first()) {
        (Some(reason), _) => escape::of_log(reason),
        (None, Some((feature, _))) => {
            html! { "mostly " (escape::of_log(name(found, *feature))) }
        }
        (None, None) => return html! { span .none { "no reason in the output" } },
    };
    if alert.parts.is_empty() {
        return first;
    }
    let parts = alert
        .parts
        .iter()
        .take(LISTED)
        .zip(alert.cells.iter().map(Some).chain(std::iter::repeat(None)));
    let rest = alert.parts.len().saturating_sub(LISTED);
    html! {
        details {
            summary { (first) }
            table .parts {
                caption { "What contributed: " (found.parts.unwrap_or_default()) }
                thead { tr {
                    th scope="col" { "Feature" } th scope="col" { "Value" } th scope="col" .number { "Part" }
                } }
                tbody {
                    @for ((feature, value), cell) in parts {
                        tr {
                            th scope="row" { (escape::of_log(name(found, *feature))) }
                            td {
                                @match cell {
                                    Some(Some(text)) => (escape::of_log(text)),
                                    Some(None) => span .none { "missing" },
                                    None => "",
                                }
                            }
                            td .number { (axis::number(*value)) }
                        }
                    }
                }
            }
            @if rest > 0 { p { (count(rest as u64, "smaller one")) " left out." } }
        }
    }
}

pub(super) fn name(found: &Findings, feature: usize) -> &str {
    found.features.get(feature).map_or("", String::as_str)
}
