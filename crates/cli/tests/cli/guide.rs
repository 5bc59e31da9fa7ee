//! The guide: its command lines run, and `docs/stages.md` has every stage and option of the table.

use crate::place::{Ended, Place, words};
use dfp_config::options::{self, Role};

fn page(name: &str) -> String {
    let path = format!("{}/../../docs/{name}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(path).unwrap()
}

/// Runs the command lines of a page in their order, beside the repository's examples; returns how many
/// there are.
fn run_lines_of(name: &str, place: &Place) -> usize {
    let examples = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples");
    std::os::unix::fs::symlink(examples, place.path("examples")).unwrap();
    std::fs::create_dir(place.path("target")).unwrap();
    let home = ("HOME".to_owned(), place.path("").display().to_string());
    let (mut environment, mut run) = (vec![home], 0);
    for block in page(name).split("```sh\n").skip(1) {
        let (block, _) = block.split_once("```").unwrap();
        for line in block.replace("\\\n", " ").lines() {
            let words = words(line);
            match words[0].as_str() {
                "export" => {
                    let (name, value) = words[1].split_once('=').unwrap();
                    environment.push((name.to_owned(), value.to_owned()));
                }
                "morpheus" => {
                    let mut command = place.command();
                    command.args(&words[1..]).envs(environment.iter().cloned());
                    let ended = Ended::of(command.output().unwrap());
                    assert_eq!(ended.code, 0, "{line}\n{}{}", ended.stdout, ended.stderr);
                    run += 1;
                }
                other => panic!("{other:?} is no program of the guide"),
            }
        }
    }
    run
}

#[test]
fn the_command_lines_of_the_stages_run_in_their_order() {
    let place = Place::new();
    assert!(run_lines_of("stages.md", &place) > 10);
    let rows = |name: &str| place.read(name).lines().count();
    assert_eq!(rows("unusual.csv"), rows("unusual-too.csv"));
    assert!(rows("unusual.csv") < rows("scored.csv"));
    assert_eq!(place.read("at-the-end.csv"), place.read("scored.csv"));
}

#[test]
fn the_command_lines_of_the_guide_run() {
    for (name, lines) in [
        ("first-run.md", 7),
        ("model-store.md", 13),
        ("report.md", 6),
        ("scores.md", 2),
        ("alerts.md", 6),
        ("quality.md", 4),
        ("time-series.md", 2),
        ("plans.md", 3),
        ("command-line.md", 3),
    ] {
        assert_eq!(run_lines_of(name, &Place::new()), lines, "{name}");
    }
}

#[test]
fn the_page_has_every_stage_and_option_of_the_table() {
    let page = page("stages.md");
    let not_here = page.split("\n## Not here\n").nth(1).unwrap();
    let absent = options::stages().filter(|stage| matches!(stage.role, Role::Absent(_))).count();
    assert_eq!(not_here.matches("\n| `").count(), absent, "only stages that are not here");
    for stage in options::stages() {
        let name = stage.name;
        match stage.role {
            Role::Source(_) => {}
            Role::Absent(why) => {
                assert!(page.contains(&format!("\n| `{name}` | {why} |\n")), "{name}: {why}");
            }
            Role::Stage(..) | Role::Idle(_) => {
                let section = page.split(&format!("\n## {name}\n")).nth(1);
                let section = section.unwrap_or_else(|| panic!("there is no section {name}"));
                let section = section.split("\n## ").next().unwrap();
                for option in stage.options {
                    let word = format!("--{}`", option.name);
                    assert!(section.contains(&word), "{name} --{}", option.name);
                }
            }
        }
    }
}
