//! How the models' losses went down.

use super::run_info::RunFacts;
use super::{count, drawing, scrolling};
use crate::plots::Curves;
use maud::{Markup, html};

pub(super) fn section(run: Option<&RunFacts>) -> Result<Markup, String> {
    let Some(run) = run else {
        return Ok(html! {
            p { "Losses are not in the output: " code { "to-report" } ", as a stage of the run, draws them." }
        });
    };
    let curves = Curves::new("Training loss by epoch", run.losses.iter().cloned());
    if curves.is_empty() {
        return Ok(html! { p { "No model has losses of its training." } });
    }
    let several = run.losses.len() > 8;
    let chart = drawing("losses-drawing", &curves)?;
    Ok(html! {
        figure {
            (scrolling("Training loss by epoch", &chart))
            figcaption {
                p {
                    (count(run.losses.len() as u64, "model")) ". "
                    @if several { "The line is the middle of the models, the band reaches from the lowest to the highest. " }
                    @if let Some((fewest, most)) = run.steps {
                        @if fewest == most { (count(fewest as u64, "step")) " each." }
                        @else { (fewest) " to " (count(most as u64, "step")) "." }
                    }
                }
            }
        }
    })
}
