//! Alerts by features: what made them.

use super::aggregate::Findings;
use super::{alerts, drawing, scrolling};
use crate::plots::{HeatMap, axis};
use maud::{Markup, html};

/// Alerts and features that are drawn.
const MOST: (usize, usize) = (40, 30);

pub(super) fn section(found: &Findings) -> Result<Markup, String> {
    let Some(parts) = found.parts else {
        return Ok(html! {
            p {
                "The output does not say what features contributed. "
                code { "add-scores --surprises" } " (with " code { "inf-ae --scorer recommended" } ") or "
                code { "add-scores --details z_loss" } " write it."
            }
        });
    };
    let drawn = &found.alerts[..found.alerts.len().min(MOST.0)];
    let mut sums = vec![0.0; found.features.len()];
    for (feature, value) in drawn.iter().flat_map(|alert| &alert.parts) {
        sums[*feature] += value;
    }
    // What hardly contributes to any alert would only make the picture wide.
    let least = 0.01 * sums.iter().copied().fold(0.0, f64::max);
    let mut order: Vec<usize> = (0..sums.len()).filter(|feature| sums[*feature] > least).collect();
    order.sort_by(|a, b| sums[*b].total_cmp(&sums[*a]).then(a.cmp(b)));
    let left_out = order.len().saturating_sub(MOST.1);
    order.truncate(MOST.1);
    let Some(&first) = order.first() else {
        return Ok(html! { p { "There is no alert to which a feature contributed." } });
    };
    let value = |alert: &super::aggregate::Alert, feature: &usize| {
        alert.parts.iter().find(|(known, _)| known == feature).map(|(_, value)| *value)
    };
    let values =
        drawn.iter().flat_map(|alert| order.iter().map(move |feature| value(alert, feature)));
    let values: Vec<Option<f64>> = values.collect();
    let highest = values.iter().flatten().copied().fold(0.0, f64::max);
    let map = HeatMap {
        title: "Contributions of features to alerts".to_owned(),
        description: format!(
            "{parts}, of the first {} alerts and the {} features that contributed most to them; {} contributed most of all. The numbers are with each alert above.",
            drawn.len(),
            order.len(),
            alerts::name(found, first)
        ),
        rows: (1..).zip(drawn).map(|(rank, alert)| format!("{rank}  {}", alert.user)).collect(),
        columns: order.iter().map(|feature| alerts::name(found, *feature).to_owned()).collect(),
        values,
    };
    let chart = drawing("heat-drawing", &map)?;
    Ok(html! {
        figure .natural {
            (scrolling("Contributions of features to alerts", &chart))
            figcaption {
                p {
                    "A line an alert, by its rank; a column a feature. The darkest cell is "
                    (axis::number(highest)) " (" (parts) ")."
                    @if left_out > 0 { " " (super::count(left_out as u64, "feature")) " with less are left out." }
                }
            }
        }
    })
}
