//! Which stage may follow which.

use crate::options::{self, Emits, Form, PipelineKind, Role, StageEntry};
use std::collections::VecDeque;

/// Every mistake in the order of the named stages; names that are not in the table are left out
/// here, since they are reported on their own.
pub fn mistakes(pipeline: PipelineKind, names: &[&str]) -> Vec<String> {
    let mut mistakes = Vec::new();
    let mut previous: Option<(&'static StageEntry, Option<Form>)> = None;
    for name in names {
        let Some(entry) = options::stage(name) else {
            previous = None;
            continue;
        };
        let form = match (entry.role, previous) {
            (Role::Source(form), None) => Some(form),
            (Role::Source(form), Some((before, _))) => {
                mistakes.push(format!(
                    "{} cannot follow {}: a pipeline has one source, in front",
                    entry.name, before.name
                ));
                Some(form)
            }
            // What it would hand on is not known, and it has been refused by its name.
            (Role::Stage(..), _) if pipeline.refuses(entry).is_some() => None,
            (Role::Stage(..) | Role::Idle(_), None) if names.first() == Some(name) => {
                mistakes.push(format!(
                    "{} cannot come first: a pipeline starts with a source, such as from-cloudtrail",
                    entry.name
                ));
                None
            }
            (Role::Stage(accepts, emits), Some((before, Some(form)))) => {
                if !accepts.contains(&form) {
                    mistakes.push(cannot_follow(pipeline, entry, before, form, accepts));
                }
                match emits {
                    Emits::Form(form) => Some(form),
                    Emits::Same if accepts.contains(&form) => Some(form),
                    Emits::Same => None,
                }
            }
            (Role::Stage(_, Emits::Form(form)), _) => Some(form),
            (Role::Idle(_), Some((_, form))) => form,
            (Role::Stage(..) | Role::Idle(_) | Role::Absent(_), _) => None,
        };
        previous = Some((entry, form));
    }
    mistakes
}

fn cannot_follow(
    pipeline: PipelineKind,
    entry: &StageEntry,
    before: &StageEntry,
    form: Form,
    accepts: &[Form],
) -> String {
    let possible = accepts.iter().filter(|form| pipeline.has(**form));
    let wanted: Vec<&str> = possible.map(|form| form.describe()).collect();
    let start = format!(
        "{} cannot follow {}: it takes {}, and {} hands on {}",
        entry.name,
        before.name,
        wanted.join(" or "),
        before.name,
        form.describe()
    );
    match between(pipeline, form, accepts) {
        Some(path) => format!("{start}; put {} between them", path.join(" ")),
        None => format!("{start}; move {} before {}", entry.name, before.name),
    }
}

/// The shortest row of stages that turns `from` into one of `wanted`.
fn between(pipeline: PipelineKind, from: Form, wanted: &[Form]) -> Option<Vec<&'static str>> {
    let mut seen = vec![from];
    let mut queue = VecDeque::from([(from, Vec::new())]);
    while let Some((form, path)) = queue.pop_front() {
        if wanted.contains(&form) {
            return Some(path);
        }
        for entry in options::stages().filter(|entry| pipeline.refuses(entry).is_none()) {
            if let Role::Stage(accepts, Emits::Form(next)) = entry.role
                && accepts.contains(&form)
                && !seen.contains(&next)
            {
                seen.push(next);
                let mut longer = path.clone();
                longer.push(entry.name);
                queue.push_back((next, longer));
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_seed_line_is_in_order() {
        let line = "from-cloudtrail train-ae preprocess inf-pytorch add-scores serialize to-file";
        assert_eq!(
            mistakes(PipelineKind::Autoencoder, &line.split(' ').collect::<Vec<_>>()),
            Vec::<String>::new()
        );
        let line = "from-cloudtrail monitor to-file";
        assert_eq!(
            mistakes(PipelineKind::Autoencoder, &line.split(' ').collect::<Vec<_>>()),
            Vec::<String>::new()
        );
    }

    #[test]
    fn a_wrong_order_names_both_stages_and_what_is_missing() {
        assert_eq!(
            mistakes(PipelineKind::Autoencoder, &["from-cloudtrail", "inf-pytorch"]),
            [
                "inf-pytorch cannot follow from-cloudtrail: it takes encoded rows, and from-cloudtrail hands on rows as read; put train-ae preprocess between them"
            ]
        );
        assert_eq!(
            mistakes(PipelineKind::Autoencoder, &["from-cloudtrail", "train-ae", "to-file"]),
            [
                "to-file cannot follow train-ae: it takes plain rows or rows as read, and train-ae hands on rows with a model; put serialize between them"
            ]
        );
        assert_eq!(
            mistakes(
                PipelineKind::Autoencoder,
                &["from-cloudtrail", "train-ae", "serialize", "preprocess", "inf-ae"]
            ),
            [
                "preprocess cannot follow serialize: it takes rows with a model, and serialize hands on plain rows; move preprocess before serialize"
            ]
        );
    }

    #[test]
    fn a_source_stands_first_and_alone() {
        assert_eq!(
            mistakes(PipelineKind::Autoencoder, &["train-ae"]),
            [
                "train-ae cannot come first: a pipeline starts with a source, such as from-cloudtrail"
            ]
        );
        assert_eq!(
            mistakes(PipelineKind::Autoencoder, &["from-cloudtrail", "monitor", "from-cloudtrail"]),
            ["from-cloudtrail cannot follow monitor: a pipeline has one source, in front"]
        );
    }
}
