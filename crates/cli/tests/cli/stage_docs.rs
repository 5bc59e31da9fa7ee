//! `docs/stages.md`: its command lines run, and it has every stage and option of the table.

use crate::place::{Ended, Place, words};
use dfp_pipeline::options::{self, Role};

fn page() -> String {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/stages.md");
    std::fs::read_to_string(path).unwrap()
}

#[test]
fn the_command_lines_of_the_page_run_in_their_order() {
    let page = page();
    let place = Place::new();
    let (mut environment, mut run) = (Vec::new(), 0);
    for block in page.split("```sh\n").skip(1) {
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
                other => panic!("{other:?} is no program of the page"),
            }
        }
    }
    assert!(run > 10, "{run}");
    let rows = |name: &str| place.read(name).lines().count();
    assert_eq!(rows("unusual.csv"), rows("unusual-too.csv"));
    assert!(rows("unusual.csv") < rows("scored.csv"));
    assert_eq!(place.read("at-the-end.csv"), place.read("scored.csv"));
}

#[test]
fn the_page_has_every_stage_and_option_of_the_table() {
    let page = page();
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
