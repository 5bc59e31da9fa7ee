//! `docs/adding-a-source.md`, done as it says in a copy of the repository.

use crate::place::Ended;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

/// What is to be done with a block of the page, as the line above it says.
#[derive(Debug)]
enum Step<'a> {
    NewFile(&'a str),
    Below(&'a str, &'a str),
    Above(&'a str, &'a str),
    Run,
    Find(&'a str),
}

/// The blocks of the page with what is to be done, in their order.
fn steps(page: &str) -> Vec<(Step<'_>, String)> {
    let mut steps = Vec::new();
    let mut above = "";
    let mut lines = page.lines();
    while let Some(line) = lines.next() {
        let Some(language) = line.strip_prefix("```") else {
            above = if line.is_empty() { above } else { line };
            continue;
        };
        let block: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
        let parts: Vec<&str> = above.split('`').collect();
        let step = match parts.as_slice() {
            _ if language == "sh" => Step::Run,
            ["New file ", file, ":"] => Step::NewFile(file),
            ["In ", file, ", below ", line, ":"] => Step::Below(file, line),
            ["In ", file, ", above ", line, ":"] => Step::Above(file, line),
            ["", file, ":"] => Step::Find(file),
            _ => panic!("nobody knows what to do with the block below {above:?}"),
        };
        steps.push((step, block.join("\n") + "\n"));
    }
    steps
}

/// The repository's files, as far as they are built, by their paths.
fn files_below(folder: &Path, files: &mut BTreeMap<PathBuf, Vec<u8>>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files_below(&path, files);
        } else {
            let name = path.strip_prefix(ROOT).unwrap().to_owned();
            files.insert(name, std::fs::read(path).unwrap());
        }
    }
}

/// Changes the text of a file.
fn change(files: &mut BTreeMap<PathBuf, Vec<u8>>, file: &str, with: impl Fn(&str) -> String) {
    let content = files.get_mut(Path::new(file)).unwrap_or_else(|| panic!("there is no {file}"));
    let changed = with(std::str::from_utf8(content).unwrap());
    assert!(changed.as_bytes() != content.as_slice(), "nothing changed in {file}");
    *content = changed.into_bytes();
}

fn insert(files: &mut BTreeMap<PathBuf, Vec<u8>>, step: &Step<'_>, block: &str) {
    let (file, line, below) = match step {
        Step::NewFile(file) => {
            let before = files.insert(file.into(), block.into());
            assert!(before.is_none(), "{file} is there already");
            return;
        }
        Step::Below(file, line) => (file, line, 1),
        Step::Above(file, line) => (file, line, 0),
        Step::Run | Step::Find(_) => return,
    };
    change(files, file, |text| {
        let mut lines: Vec<&str> = text.lines().collect();
        let at = lines.iter().position(|there| there == line);
        let at = at.unwrap_or_else(|| panic!("{file} has no line {line:?}"));
        lines.insert(at + below, block.trim_end());
        lines.join("\n") + "\n"
    });
}

#[test]
#[ignore = "builds the workspace once more, which takes a minute or two: a step of .ci/run"]
fn a_new_source_is_one_file_and_one_row() {
    let page = std::fs::read_to_string(format!("{ROOT}/docs/adding-a-source.md")).unwrap();
    let steps = steps(&page);
    let mut files = BTreeMap::new();
    for part in ["crates", "bench"] {
        files_below(&Path::new(ROOT).join(part), &mut files);
    }
    for part in ["Cargo.toml", "Cargo.lock"] {
        files.insert(part.into(), std::fs::read(Path::new(ROOT).join(part)).unwrap());
    }
    for (step, block) in &steps {
        insert(&mut files, step, block);
    }
    // The copy shares what is built of other people's crates with the original. What is built of
    // its own must not take the original's place, so it has another version and another name.
    change(&mut files, "Cargo.toml", |t| t.replace("\"0.1.0\"", "\"0.1.0-tutorial\""));
    change(&mut files, "crates/cli/Cargo.toml", |t| {
        t.replace("[[bin]]\nname = \"morpheus\"", "[[bin]]\nname = \"morpheus-tutorial\"")
    });
    // The same folder each time, and only what has changed: then a second run builds nothing.
    let copy = Path::new(env!("CARGO_TARGET_TMPDIR")).join("tutorial");
    for (name, content) in &files {
        let path = copy.join(name);
        if std::fs::read(&path).ok().as_ref() != Some(content) {
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, content).unwrap();
        }
    }
    let built = Path::new(env!("CARGO_BIN_EXE_morpheus")).parent().unwrap();
    for (step, block) in &steps {
        match step {
            Step::Run => block.lines().for_each(|line| run(line, &copy, built)),
            Step::Find(file) => {
                assert_eq!(std::fs::read_to_string(copy.join(file)).unwrap(), *block, "{file}");
            }
            _ => {}
        }
    }
}

fn run(line: &str, copy: &Path, built: &Path) {
    let mut words = line.split(' ');
    let program = match words.next() {
        Some("cargo") => std::env::var_os("CARGO").unwrap_or("cargo".into()),
        Some("morpheus") => built.join("morpheus-tutorial").into(),
        other => panic!("{other:?} is no program of the page"),
    };
    let mut command = Command::new(program);
    command.args(words).current_dir(copy).env("CARGO_NET_OFFLINE", "true");
    command.env("CARGO_TARGET_DIR", built.parent().unwrap());
    let ended = Ended::of(command.output().unwrap());
    assert_eq!(ended.code, 0, "{line}\n{}{}", ended.stdout, ended.stderr);
}
