//! Any words as options of every stage: a plan or a list of mistakes.
#![no_main]

use libfuzzer_sys::fuzz_target;
use dfp_pipeline::plan::{PlanSpec, check};

fuzz_target!(|spec: &[u8]| {
    let mut words = spec.split(|&byte| byte == 0).map(|word| String::from_utf8_lossy(word).into_owned());
    let mut plan = PlanSpec::default();
    while let Some(stage) = words.next() {
        let mut options = std::collections::BTreeMap::new();
        if let (Some(name), Some(text)) = (words.next(), words.next()) {
            options.insert(name, vec![text]);
        }
        plan.stages.push(dfp_pipeline::plan::StageSpec { name: stage, options });
    }
    let _ = check(&plan);
});
