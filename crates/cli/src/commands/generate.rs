//! `morpheus tools generate`.

use crate::arguments::Usage;
use crate::exit::{DONE, FAILED, refuse};
use crate::print::{err, out};
use crate::summary::{count, grouped};
use dfp_config::plan::{self, OptionTexts};
use dfp_storage::names::shown;
use dfp_synth::generate;

/// Makes the logs and says what was made; the exit code.
pub fn run(texts: &OptionTexts) -> u8 {
    let options = match plan::check_generate(texts) {
        Ok(options) => options,
        Err(mistakes) => {
            return refuse(&Usage { mistakes, command: "morpheus tools generate".into() });
        }
    };
    let made = match generate(&options) {
        Ok(made) => made,
        Err(error) => {
            err(&format!("error: {error}"));
            return FAILED;
        }
    };
    let rows = |rows: u64| usize::try_from(rows).map_or_else(|_| rows.to_string(), grouped);
    out(&format!(
        "training   {} rows in {}",
        rows(made.training_rows),
        count(made.training_files, "file")
    ));
    out(&format!("validation {} rows in {}", rows(made.new_rows), count(made.new_files, "file")));
    for takeover in &made.takeovers {
        out(&format!(
            "takeover   {} from {}: {}",
            takeover.user,
            takeover.start,
            takeover.kind.label()
        ));
    }
    out(&format!("the truth is in {}", shown(&options.output_dir.join("labels.csv"))));
    DONE
}
