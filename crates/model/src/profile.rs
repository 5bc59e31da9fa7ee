//! What a model considers normal, feature by feature.

use crate::user_model::UserModel;

/// What is usual of a feature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Habit {
    /// The feature.
    pub feature: String,
    /// numeric, binary or categorical.
    pub kind: &'static str,
    /// Its commonest values as a person reads them, texts in quotes, and in how many training rows each
    /// was; the commonest first. Of numbers without counts the mean alone.
    pub values: Vec<(String, Option<u32>)>,
    /// Different values that were seen.
    pub different: Option<usize>,
    /// Features whose values tell much about this one's.
    pub depends_on: Vec<String>,
}

impl UserModel {
    /// What is usual of each feature, with at most `most` values each.
    pub fn habits(&self, most: usize) -> Vec<Habit> {
        let plan = &self.header().plan;
        let shape = plan.shape();
        let names: Vec<&str> = plan.names().collect();
        let kind = |feature: usize| match feature {
            n if n < shape.numeric => "numeric",
            n if n < shape.numeric + shape.binary => "binary",
            _ => "categorical",
        };
        let habit = |(feature, name): (usize, &&str)| {
            let (mut values, depends_on) = match self.beside() {
                Some(scorers) => {
                    let counts = scorers.counts();
                    let text = |(value, rows)| {
                        (plan.value_text(scorers.coding(), feature, value), Some(rows))
                    };
                    let parents = counts.parents(feature).map(|at| names[at].to_owned());
                    (counts.seen(feature).map(text).collect(), parents.collect())
                }
                None => {
                    let known = plan.categories(name).into_iter().flatten();
                    let mut values: Vec<(String, Option<u32>)> =
                        known.map(|(text, rows)| (format!("{text:?}"), rows)).collect();
                    values.extend(plan.mean(feature).map(|mean| (format!("mean {mean:.4}"), None)));
                    (values, Vec::new())
                }
            };
            // Stable: of equals the first stays first.
            values.sort_by_key(|(_, rows)| std::cmp::Reverse(*rows));
            let different = (kind(feature) != "numeric" || self.beside().is_some())
                .then_some(values.len())
                .filter(|different| *different > 0);
            values.truncate(most);
            let (feature, kind) = ((*name).to_owned(), kind(feature));
            Habit { feature, kind, values, different, depends_on }
        };
        names.iter().enumerate().map(habit).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{ModelConfig, Scorer};
    use arrow_array::{ArrayRef, Float64Array, RecordBatch, StringArray};
    use std::ops::ControlFlow;
    use std::sync::Arc;

    #[test]
    fn what_was_seen_most_stands_first() {
        let cities: Vec<&str> =
            (0..40).map(|row| if row % 4 == 0 { "Oslo" } else { "Rome" }).collect();
        let rows = RecordBatch::try_from_iter([
            ("city", Arc::new(StringArray::from(cities)) as ArrayRef),
            (
                "plan",
                Arc::new(StringArray::from_iter_values((0..40).map(|r| format!("p{}", r % 3)))),
            ),
            ("bytes", Arc::new(Float64Array::from_iter_values((0..40).map(f64::from)))),
        ])
        .unwrap();
        for scorer in [Scorer::Network, Scorer::Recommended] {
            let config = ModelConfig { scorer, ..ModelConfig::compact(40) };
            let model =
                UserModel::fit("ann", &rows, None, &config, &mut |_| ControlFlow::Continue(()))
                    .unwrap();
            let habits = model.habits(2);
            let of = |name: &str| habits.iter().find(|habit| habit.feature == name).unwrap();
            assert_eq!(of("plan").values[0], ("\"p0\"".to_owned(), Some(14)), "{scorer:?}");
            assert_eq!((of("plan").values.len(), of("plan").different), (2, Some(3)));
            assert_eq!(of("bytes").kind, "numeric");
            assert!(!of("bytes").values.is_empty());
            assert_eq!(of("city").kind, "categorical");
        }
    }
}
