//! The users, one row each.

use super::aggregate::{Findings, Measure, UserLine};
use super::alerts::{controls, head, number, user_cell};
use super::{count, scrolling};
use crate::plots::{self, Plot, Sparkline, axis};
use maud::{Markup, PreEscaped, html};

pub(super) fn section(found: &Findings) -> Result<Markup, String> {
    if found.listed.is_empty() {
        return Ok(html! { p { "There are no users." } });
    }
    let with_p = matches!(found.measure, Measure::P(_));
    let shown = found.listed.len();
    let caption = match found.users - shown {
        0 => "All users, those with the most alerts first.".to_owned(),
        rest => format!(
            "The {} users with the most alerts; {} more have {} and {} together.",
            axis::grouped(shown as u64),
            axis::grouped(rest as u64),
            count(found.unlisted.0, "row"),
            count(found.unlisted.1, "alert")
        ),
    };
    let across = (
        found.columns.first().map_or(0.0, |column| column.from),
        found.columns.last().map_or(1.0, |column| column.to),
    );
    // Twice the threshold is the top at least: a usual user's line is low.
    let threshold = found.measure.threshold();
    let highest = found.columns.iter().filter_map(|column| column.bucket.range);
    let highest = highest.map(|(_, high)| f64::from(high)).fold(2.0 * threshold, f64::max);
    let highest = highest.min(5.0 * threshold);
    let lines = found.listed.iter().map(|user| {
        let spark = Sparkline::new(&user.series, f64::from, across, highest);
        Ok((user, sparkline(user, &spark)?))
    });
    let lines = lines.collect::<Result<Vec<(&UserLine, Markup)>, String>>()?;
    let table = html! {
        table #users-table .cards data-table="users" role="table" {
            caption { (caption) }
            thead role="rowgroup" { tr role="row" {
                (head("user", "User", None, false))
                (head("rows", "Rows", None, true))
                (head("alerts", "Alerts", Some("descending"), true))
                @if with_p { (head("p_value", "Lowest p", None, true)) } @else { (head("z", "Highest z", None, true)) }
                (head("score", "Highest score", None, true))
                th scope="col" role="columnheader" { "Over time" }
            } }
            tbody role="rowgroup" {
                @for (user, spark) in &lines {
                    tr role="row" {
                        (user_cell(&user.name))
                        (number("Rows", Some(user.rows), |n| axis::grouped(*n)))
                        (number("Alerts", Some(user.alerts), |n| axis::grouped(*n)))
                        @if with_p {
                            (number("Lowest p", user.lowest_p, |p| axis::number(*p)))
                        } @else {
                            (number("Highest z", user.highest_z, |z| axis::number(*z)))
                        }
                        (number("Highest score", user.highest_score, |score| axis::number(*score)))
                        td role="cell" data-name="Over time" { (spark) }
                    }
                }
            }
        }
    };
    Ok(html! {
        (controls("users", "Show users that contain", shown as u64))
        (scrolling("Users", &table))
        @if found.of_further_users > 0 {
            p { (count(found.of_further_users, "row")) " of users beyond the first 10,000 are not listed." }
        }
    })
}

/// The numbers beside it say it in words.
fn sparkline(user: &UserLine, spark: &Sparkline) -> Result<Markup, String> {
    let (width, height) = spark.size();
    let inside = plots::inside(spark, None)?;
    let name = format!("Scores of {} over time", user.name);
    Ok(html! {
        svg .spark role="img" aria-label=(name) viewBox={ "0 0 " (width) " " (height) } width=(width) height=(height) {
            (PreEscaped(inside))
        }
    })
}
