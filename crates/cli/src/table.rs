//! What of the table of commands and stages can be typed.

use dfp_config::options::{self, PipelineKind, Role, StageEntry, WITH_WORDS, WithWords};

/// The stages that can be used in a pipeline.
pub fn usable_stages(kind: PipelineKind) -> impl Iterator<Item = &'static StageEntry> {
    options::stages().filter(move |entry| {
        !matches!(entry.role, Role::Absent(_)) && kind.refuses(entry).is_none()
    })
}

/// The commands with words that stand right behind `morpheus`.
pub fn at_the_top() -> impl Iterator<Item = &'static WithWords> {
    WITH_WORDS.iter().filter(|command| command.line.split(' ').count() == 2)
}
