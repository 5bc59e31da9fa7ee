//! Completion: scripts that ask the program itself what may stand next, so that they never lag behind
//! the table of options.

use crate::arguments::Usage;
use crate::exit::{DONE, FAILED, refuse};
use crate::print::out;
use crate::table::usable_stages;
use dfp_config::options::{self, COMMANDS, Kind, OptionSpec, PipelineKind};
use dfp_config::plan::OptionTexts;
use dfp_storage::atomic_write::write_whole;
use dfp_storage::names::shown;
use std::path::PathBuf;

const BEGIN: &str = "# >>> morpheus completion >>>";
const END: &str = "# <<< morpheus completion <<<";

const BASH: &str = r#"_morpheus() {
    local word about
    COMPREPLY=()
    while IFS=$'\t' read -r word about; do
        COMPREPLY+=("$word")
    done < <("${COMP_WORDS[0]}" tools autocomplete words bash "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -o bashdefault -o default -F _morpheus morpheus"#;

const ZSH: &str = r#"_morpheus() {
    local word about
    local -a found
    while IFS=$'\t' read -r word about; do
        found+=("${word//:/\\:}:${about}")
    done < <("${words[1]}" tools autocomplete words zsh "${(@)words[2,CURRENT]}" 2>/dev/null)
    if (( ${#found} )); then _describe morpheus found; else _files; fi
}
if (( ! ${+functions[compdef]} )); then autoload -Uz compinit && compinit; fi
compdef _morpheus morpheus"#;

const FISH: &str = r#"function __morpheus_words
    set -l typed (commandline -opc) (commandline -ct)
    set -l found (morpheus tools autocomplete words fish $typed[2..-1] 2>/dev/null)
    if test (count $found) -gt 0
        printf '%s\n' $found
    else
        __fish_complete_path (commandline -ct)
    end
end
complete -c morpheus -f -a '(__morpheus_words)'"#;

const POWERSHELL: &str = r#"Register-ArgumentCompleter -Native -CommandName morpheus -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)
    $typed = @($commandAst.CommandElements | Select-Object -Skip 1 |
        Where-Object { $_.Extent.StartOffset -lt $cursorPosition } | ForEach-Object { "$_" })
    if ($wordToComplete -eq '') { $typed += '""' }
    & morpheus tools autocomplete words powershell @typed 2>$null | ForEach-Object {
        $word, $about = $_ -split "`t", 2
        [System.Management.Automation.CompletionResult]::new($word, $word, 'ParameterValue', "$about ")
    }
}"#;

/// A word that may stand next, and what it is.
type Candidate = (String, String);

/// Every place of the line whose options and next words are asked for: words that lead on, options.
struct Here {
    path: Vec<&'static str>,
    options: &'static [OptionSpec],
}

/// `morpheus tools autocomplete words SHELL WORDS...`: what may stand in place of the last word.
pub fn words(words: &[String]) -> u8 {
    let Some((shell, typed)) = words.split_first() else { return DONE };
    for (word, about) in candidates(typed, shell == "bash") {
        out(&format!("{word}\t{about}"));
    }
    DONE
}

fn candidates(typed: &[String], only_values: bool) -> Vec<Candidate> {
    // Bash cuts words at `=`.
    let mut words: Vec<String> = Vec::new();
    let mut glue = false;
    for word in typed {
        match words.last_mut() {
            Some(last) if glue || (word == "=" && last.starts_with("--")) => last.push_str(word),
            _ => words.push(word.clone()),
        }
        glue = word == "=";
    }
    let current = words.pop().unwrap_or_default();
    let current = if current == "\"\"" { String::new() } else { current };
    let mut here = Here { path: Vec::new(), options: options_of(&[]) };
    let mut rest = words.iter();
    let mut pending: Option<&OptionSpec> = None;
    while let Some(word) = rest.next() {
        pending = None;
        let Some(name) = word.strip_prefix("--") else {
            here.enter(word);
            continue;
        };
        let option = options::option(here.options, name).filter(|option| option.kind != Kind::Bool);
        if option.is_some() && rest.next().is_none() {
            pending = option;
        }
    }
    let all = match (pending, current.strip_prefix("--").and_then(|word| word.split_once('='))) {
        (Some(option), _) => values(option, ""),
        (None, Some((name, value))) => {
            let front = if only_values { String::new() } else { format!("--{name}=") };
            let all = options::option(here.options, name).map(|option| values(option, &front));
            let typed = format!("{front}{value}");
            return all
                .unwrap_or_default()
                .into_iter()
                .filter(|(word, _)| word.starts_with(&typed))
                .collect();
        }
        (None, None) => here.next(),
    };
    all.into_iter().filter(|(word, _)| word.starts_with(&current)).collect()
}

fn values(option: &OptionSpec, front: &str) -> Vec<Candidate> {
    let words: &[&str] = match option.kind {
        Kind::Choice(words) => words,
        Kind::Bool => &["true", "false"],
        _ => &[],
    };
    words.iter().map(|word| (format!("{front}{word}"), String::new())).collect()
}

fn options_of(path: &[&str]) -> &'static [OptionSpec] {
    COMMANDS.into_iter().find(|(words, _)| *words == path).map_or(&[], |(_, spec)| spec.options)
}

impl Here {
    fn pipeline(&self) -> Option<PipelineKind> {
        match self.path.as_slice() {
            ["run", name, ..] => PipelineKind::of(name),
            _ => None,
        }
    }

    fn enter(&mut self, word: &str) {
        if self.pipeline().is_some() {
            if let Some(stage) = options::stage(word) {
                self.options = stage.options;
            }
            return;
        }
        let next = COMMANDS.into_iter().find_map(|(words, _)| {
            let next = words.strip_prefix(self.path.as_slice())?.first()?;
            (*next == word).then_some(*next)
        });
        if let Some(next) = next {
            self.path.push(next);
            self.options = options_of(&self.path);
        // `doctor` is followed by the line of a run.
        } else if self.path == ["tools", "doctor"] && word == "run" {
            (self.path, self.options) = (vec!["run"], options_of(&["run"]));
        }
    }

    /// Words and options that may come here.
    fn next(&self) -> Vec<Candidate> {
        let mut all: Vec<Candidate> = Vec::new();
        if let Some(kind) = self.pipeline() {
            all.extend(
                usable_stages(kind).map(|stage| (stage.name.to_owned(), stage.about.to_owned())),
            );
        } else {
            for (words, spec) in COMMANDS {
                let Some([next, further @ ..]) = words.strip_prefix(self.path.as_slice()) else {
                    continue;
                };
                if !all.iter().any(|(word, _)| word == next) {
                    let about = if further.is_empty() { spec.about } else { "" };
                    all.push(((*next).to_owned(), about.to_owned()));
                }
            }
        }
        all.extend(
            self.options
                .iter()
                .map(|option| (format!("--{}", option.name), option.help.to_owned())),
        );
        all.push(("--help".to_owned(), "print the help".to_owned()));
        all
    }
}

fn shell(texts: &OptionTexts) -> String {
    let typed = texts.get("shell").and_then(|texts| texts.last()).map(|shell| shell.to_lowercase());
    typed.unwrap_or_else(|| {
        let own = std::env::var("SHELL").unwrap_or_default();
        let name = own.rsplit('/').next().unwrap_or_default();
        let known = ["zsh", "fish"].into_iter().find(|known| *known == name);
        known.unwrap_or(if cfg!(windows) { "powershell" } else { "bash" }).to_owned()
    })
}

fn script(shell: &str) -> String {
    let code = match shell {
        "zsh" => ZSH,
        "fish" => FISH,
        "powershell" => POWERSHELL,
        _ => BASH,
    };
    format!("{BEGIN}\n{code}\n{END}")
}

/// The file that a shell reads when it starts, below the home directory.
fn own_file(shell: &str) -> Option<PathBuf> {
    let home = PathBuf::from(std::env::var_os("HOME").or_else(|| std::env::var_os("USERPROFILE"))?);
    Some(home.join(match shell {
        "zsh" => ".zshrc",
        "fish" => ".config/fish/completions/morpheus.fish",
        "powershell" if cfg!(windows) => "Documents/PowerShell/Microsoft.PowerShell_profile.ps1",
        "powershell" => ".config/powershell/Microsoft.PowerShell_profile.ps1",
        _ => ".bash_completion",
    }))
}

/// `morpheus tools autocomplete show`.
pub fn show(texts: &OptionTexts) -> u8 {
    out(&script(&shell(texts)));
    DONE
}

/// `morpheus tools autocomplete install`.
pub fn install(texts: &OptionTexts) -> u8 {
    let shell = shell(texts);
    let last = |name: &str| texts.get(name).and_then(|texts| texts.last());
    let usage = |why: &str| {
        let mistakes = vec![format!("install: {why}")];
        refuse(&Usage { mistakes, command: "morpheus tools autocomplete install".into() })
    };
    let Some(path) =
        last("path").map(|text| dfp_storage::names::path(text)).or_else(|| own_file(&shell))
    else {
        return usage("--path is required: the home directory is not known");
    };
    let is = |name: &str| last(name).and_then(|text| options::bool_word(text));
    let keep = is("append").unwrap_or(is("overwrite") == Some(false));
    if keep && is("overwrite") == Some(true) {
        return usage("--append and --overwrite exclude each other");
    }
    let write = || -> Result<(), String> {
        let before = match std::fs::read_to_string(&path) {
            Err(why) if why.kind() == std::io::ErrorKind::NotFound => String::new(),
            read => read.map_err(|why| format!("{}: {why}", shown(&path)))?,
        };
        let after = with_block(&before, &script(&shell), keep);
        write_whole(&path, after.as_bytes()).map_err(|why| why.to_string())
    };
    match write() {
        Ok(()) => {
            out(&format!("{shell} completion installed in {}", shown(&path)));
            DONE
        }
        Err(why) => {
            out(&format!("error: {}: {why}", shown(&path)));
            FAILED
        }
    }
}

/// The file's text with the block in place of the one that is there, or behind everything.
fn with_block(before: &str, block: &str, keep: bool) -> String {
    let old = before.find(BEGIN).and_then(|start| {
        let end = before[start..].find(END)? + start + END.len();
        Some(start..end)
    });
    match old.filter(|_| !keep) {
        Some(old) => format!("{}{block}{}", &before[..old.start], &before[old.end..]),
        None => {
            let gap = if before.is_empty() || before.ends_with('\n') { "" } else { "\n" };
            format!("{before}{gap}{block}\n")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dfp_config::options::PIPELINES;

    fn after(line: &str) -> Vec<String> {
        let words: Vec<String> = line.split(' ').map(str::to_owned).collect();
        candidates(&words, false).into_iter().map(|(word, _)| word).collect()
    }

    #[test]
    fn what_may_come_next_is_told_by_the_table() {
        assert_eq!(after("ru"), ["run"]);
        assert_eq!(after("plan "), ["check", "--help"]);
        assert_eq!(after("run pipeline-ae from-c"), ["from-cloudtrail"]);
        assert_eq!(after("run pipeline-ae from-cloudtrail --input_g"), ["--input_glob"]);
        assert_eq!(after("run pipeline-ae --feature_scaler ST"), ["STANDARD"]);
        assert_eq!(after("run pipeline-ae --viz_direction=T"), ["--viz_direction=TB"]);
        assert_eq!(
            after("run pipeline-ae from-duo --input_glob x to-file --over"),
            ["--overwrite"]
        );
        assert!(after("run pipeline-ae from-duo --input_glob ").is_empty());
        assert_eq!(after("tools doctor run pipe"), ["pipeline-ae", "pipeline-other"]);
        let bash: Vec<String> =
            ["run", "pipeline-ae", "--viz_direction", "=", "T"].map(str::to_owned).into();
        assert_eq!(candidates(&bash, true), [("TB".to_owned(), String::new())]);
    }

    #[test]
    fn every_option_is_offered_with_its_help() {
        for (path, spec) in COMMANDS {
            let words: Vec<String> =
                path.iter().map(|word| (*word).to_owned()).chain([String::new()]).collect();
            let found = candidates(&words, false);
            for option in spec.options {
                assert!(
                    found.contains(&(format!("--{}", option.name), option.help.to_owned())),
                    "{path:?} {option:?}"
                );
            }
        }
        let all = PIPELINES
            .into_iter()
            .flat_map(|kind| usable_stages(kind).map(move |stage| (kind, stage)));
        for (kind, stage) in all {
            let words = ["run", kind.command().name, stage.name, ""].map(str::to_owned);
            let found = candidates(&words, false);
            for option in stage.options {
                assert!(
                    found.contains(&(format!("--{}", option.name), option.help.to_owned())),
                    "{option:?}"
                );
            }
        }
    }

    #[test]
    fn a_block_is_replaced_and_the_rest_kept() {
        let once = with_block("a=1", &script("bash"), false);
        assert!(once.starts_with("a=1\n# >>>") && once.ends_with("<<<\n"));
        assert_eq!(with_block(&once, &script("bash"), false), once);
        assert_eq!(with_block(&once, &script("bash"), true).matches(BEGIN).count(), 2);
    }
}
