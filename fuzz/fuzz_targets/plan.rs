//! Any words as options of commands and stages: a plan or a list of mistakes. A line is `- STAGE`, `OPTION TEXT`
//! of the stage before, or, before the first stage, `run OPTION TEXT` and `OPTION TEXT` of the pipeline; `other` is
//! that it is `pipeline-other`.
#![no_main]

use dfp_config::options::PipelineKind;
use dfp_config::plan::{PlanSpec, StageSpec, check, check_bench, check_generate};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let mut plan = PlanSpec::default();
    for line in text.lines() {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        let (options, name, text) = match (word, plan.stages.last_mut()) {
            ("-", _) => {
                plan.stages.push(StageSpec { name: rest.to_owned(), options: Default::default() });
                continue;
            }
            ("other", _) => {
                plan.kind = PipelineKind::Other;
                continue;
            }
            ("run", _) => {
                let (name, text) = rest.split_once(' ').unwrap_or((rest, ""));
                (&mut plan.run, name, text)
            }
            (_, Some(stage)) => (&mut stage.options, word, rest),
            (_, None) => (&mut plan.pipeline, word, rest),
        };
        options.entry(name.to_owned()).or_default().push(text.to_owned());
    }
    if let Err(mistakes) = check(&plan) {
        assert!(!mistakes.is_empty());
    }
    let _ = (check_bench(&plan.run), check_generate(&plan.pipeline));
});
