//! Outputs that are also read, that are written twice, or that lie in a folder of the program's own: refused before
//! anything runs, by whatever path they are named.

use crate::options::{Kind, OptionSpec};
use dfp_storage::atomic_write::{Identity, identity, real};
use dfp_storage::files;
use dfp_storage::names::{self, shown};
use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// Files that the values of a line name, gathered while they are read.
#[derive(Debug, Default)]
pub(super) struct NamedFiles {
    written: Vec<Named>,
    read: Vec<Named>,
    folders: Vec<Named>,
    /// A state folder tells outputs of earlier runs from logs, so inputs that a pattern names are looked at
    /// when it is open.
    pub(super) outputs_are_known: bool,
}

/// A file, pattern or folder and the option that names it.
#[derive(Debug)]
struct Named {
    place: String,
    option: String,
    /// As it was typed.
    text: String,
}

impl Named {
    fn path(&self) -> PathBuf {
        names::path(&self.text)
    }

    fn is_address(&self) -> bool {
        files::is_address(Path::new(&self.text))
    }

    fn shown(&self) -> String {
        shown(&self.path())
    }
}

impl NamedFiles {
    /// Adds a value of an option of the table.
    pub(super) fn add(&mut self, place: &str, option: &OptionSpec, text: &str) {
        let all = match option.kind {
            Kind::Output => &mut self.written,
            Kind::ExistingFile | Kind::Input => &mut self.read,
            Kind::Folder => &mut self.folders,
            _ => return,
        };
        let (place, option) = (place.to_owned(), format!("--{}", option.name));
        all.push(Named { place, option, text: text.to_owned() });
    }

    /// Adds files that the process writes to besides its outputs.
    pub(super) fn add_logs(&mut self, logs: &[PathBuf]) {
        self.written.extend(logs.iter().map(|log| Named {
            place: "morpheus".to_owned(),
            option: "--log_config_file".to_owned(),
            text: names::to_text(log.as_os_str()),
        }));
    }

    /// Adds words that name files to be read.
    pub(super) fn add_words(&mut self, place: &str, words: &[String]) {
        self.read.extend(words.iter().map(|word| Named {
            place: place.to_owned(),
            option: "a word of the line".to_owned(),
            text: word.clone(),
        }));
    }

    /// Every clash.
    pub(super) fn clashes(&self) -> Vec<String> {
        let written = self.written.iter().filter(|file| !file.is_address());
        let outputs: Vec<(&Named, PathBuf, Option<Identity>)> =
            written.map(|file| (file, real(&file.path()), identity(&file.path()))).collect();
        let mut found = Vec::new();
        let mut refuse = |file: &Named, why: String| {
            let Named { place, option, .. } = file;
            found.push(format!("{place}: {option}: {:?} {why}; name another file", file.shown()));
        };
        for (n, (file, _, same)) in outputs.iter().enumerate() {
            let other = outputs[..n].iter().find(|(_, _, other)| same.is_some() && other == same);
            if let Some((other, ..)) = other {
                let Named { place, option, .. } = other;
                refuse(file, format!("is written twice ({option} of {place} has it too)"));
            }
        }
        // What is not there yet is matched by no pattern.
        let inputs = self.inputs(outputs.iter().any(|(file, ..)| file.path().exists()));
        for (file, path, same) in &outputs {
            if let Some(input) = same.as_ref().and_then(|same| inputs.get(same)) {
                let Named { option, .. } = input;
                let why = format!(
                    "is read too ({option} {:?}), and would be written over",
                    input.shown()
                );
                refuse(file, why);
            }
            for folder in self.folders.iter().filter(|folder| !folder.is_address()) {
                let inside = path.strip_prefix(real(&folder.path()));
                if inside.is_ok_and(|rest| !rest.as_os_str().is_empty()) {
                    let Named { option, .. } = folder;
                    refuse(
                        file,
                        format!(
                            "lies in the folder of {option} {:?}, which is the program's own",
                            folder.shown()
                        ),
                    );
                }
            }
        }
        found
    }

    /// Every local file that is read; those that patterns and folders give only `with_patterns`.
    fn inputs(&self, with_patterns: bool) -> HashMap<Identity, &Named> {
        let mut inputs = HashMap::new();
        for input in self.read.iter().filter(|input| !input.is_address()) {
            let names_several = files::has_wildcards(&input.text) || input.path().is_dir();
            let files = match names_several {
                false => vec![input.path()],
                // What is not there is told where it is read.
                true if with_patterns && !self.outputs_are_known => {
                    files::find(&input.text, true).unwrap_or_default()
                }
                true => Vec::new(),
            };
            for same in files.iter().filter_map(|file| identity(file)) {
                inputs.entry(same).or_insert(input);
            }
        }
        inputs
    }
}
