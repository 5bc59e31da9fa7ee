//! Where outputs go: through links, into pipes and devices, never over what is read.

use crate::place::{Ended, Place, log};
use std::fs;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::{FileTypeExt, PermissionsExt, symlink};
use std::path::Path;
use std::process::{Command, Stdio};

/// A line that copies rows.
const COPY: &str = "run pipeline-other from-file --input_glob=in/*.csv to-file --filename=";
/// A line that trains on `in` and scores it.
const SCORE: &str = "run pipeline-ae --userid_column_name=userName from-cloudtrail --input_glob=in/*.csv \
     train-ae --seed=1 --architecture=compact --train_epochs=1 --train_data_glob=in/*.csv";

fn place() -> Place {
    let place = Place::new();
    place.write("in/a.csv", log(&["ann"], 60));
    place
}

fn succeeds(place: &Place, line: &str) -> Ended {
    let ended = place.morpheus(line);
    assert_eq!(ended.code, 0, "{line}\n{}", ended.stderr);
    ended
}

fn refuses(place: &Place, line: &str, why: &str) {
    let ended = place.morpheus(line);
    assert_eq!(ended.code, 2, "{line}\n{}", ended.stderr);
    assert!(ended.stderr.contains(why), "{line}\nexpected {why}\n{}", ended.stderr);
}

fn mode(place: &Place, name: &str) -> u32 {
    place.path(name).metadata().unwrap().permissions().mode() & 0o777
}

#[test]
fn a_link_to_standard_output_gives_the_rows_there_and_stays() {
    let place = place();
    symlink("/proc/self/fd/1", place.path("out")).unwrap();
    for (words, rows) in [("", 61), ("--overwrite", 61)] {
        // A pipe.
        let ended = succeeds(&place, &format!("{COPY}out --file_type=csv {words}"));
        assert_eq!(ended.stdout.lines().count(), rows, "{}", ended.stdout);
        assert!(ended.stdout.starts_with(",eventTime,eventName"), "{}", ended.stdout);
        assert!(ended.stderr.contains("written    60 rows to out"), "{}", ended.stderr);
        // A file that the shell has opened.
        let file = fs::File::create(place.path("stdout.csv")).unwrap();
        let line = format!("{COPY}/dev/stdout --file_type=csv {words}");
        let mut command = place.command();
        let status = command.args(line.split(' ').filter(|word| !word.is_empty())).stdout(file);
        assert!(status.stderr(Stdio::null()).status().unwrap().success());
        assert_eq!(place.read("stdout.csv").lines().count(), rows);
    }
    assert!(place.path("out").is_symlink());
    // What is behind the shell's redirection is not begun anew.
    place.write("kept.csv", "first\n");
    let file = fs::File::options().append(true).open(place.path("kept.csv")).unwrap();
    let line = format!("{COPY}kept.csv");
    let mut command = place.command();
    command.args(line.split(' ')).stdout(file).stderr(Stdio::null());
    assert!(command.status().unwrap().success());
    assert_eq!(place.read("kept.csv").lines().count(), 62);
}

#[test]
fn a_device_stays_a_device() {
    let place = place();
    symlink("/dev/null", place.path("null")).unwrap();
    for file in ["/dev/null", "null"] {
        for format in ["csv", "json", "parquet"] {
            let ended = succeeds(&place, &format!("{COPY}{file} --file_type={format}"));
            assert!(ended.stdout.contains("60 rows"), "{}", ended.stdout);
        }
    }
    assert!(Path::new("/dev/null").metadata().unwrap().file_type().is_char_device());
    assert!(place.path("null").is_symlink());
    // One of our own, where we may make one.
    let mut make = Command::new("mknod");
    make.arg(place.path("own")).args(["c", "1", "3"]).stderr(Stdio::null());
    if make.status().is_ok_and(|status| status.success()) {
        succeeds(&place, &format!("{COPY}own --file_type=csv --overwrite"));
        assert!(place.path("own").metadata().unwrap().file_type().is_char_device());
    }
}

#[test]
fn a_pipe_gets_every_format() {
    let place = place();
    assert!(Command::new("mkfifo").arg(place.path("pipe")).status().unwrap().success());
    for format in ["csv", "json", "parquet"] {
        let reader = {
            let pipe = place.path("pipe");
            std::thread::spawn(move || fs::read(pipe).unwrap())
        };
        succeeds(&place, &format!("{COPY}pipe --file_type={format}"));
        place.write("whole", reader.join().unwrap());
        let again = format!(
            "run pipeline-other from-file --input_glob=whole --file-type={format} to-file --filename=back.csv --overwrite"
        );
        let ended = succeeds(&place, &again);
        assert!(ended.stdout.contains("read       60 rows"), "{format}\n{}", ended.stdout);
    }
    assert!(place.path("pipe").metadata().unwrap().file_type().is_fifo());
}

#[test]
fn a_pipe_is_gone_on_with_by_runs_with_a_state() {
    let place = place();
    assert!(Command::new("mkfifo").arg(place.path("pipe")).status().unwrap().success());
    for (file, rows) in [("a.csv", 60), ("b.csv", 30)] {
        if file == "b.csv" {
            place.write("in/b.csv", log(&["ann"], 30));
        }
        let reader = {
            let pipe = place.path("pipe");
            std::thread::spawn(move || fs::read_to_string(pipe).unwrap())
        };
        let line = format!("{COPY}pipe --file_type=csv");
        succeeds(&place, &line.replace("to-file", "--state_dir=state to-file"));
        let text = reader.join().unwrap();
        assert_eq!(text.lines().count(), rows + 1, "{text}");
    }
}

#[test]
fn every_output_that_is_a_link_is_written_behind_it() {
    let place = place();
    let outputs = [
        "plan.toml",
        "v.svg",
        "models",
        "r.html",
        "o.csv",
        "l.jsonl",
        "p.parquet",
        "checked.json",
        "e.json",
        "x.html",
        "x.svg",
        "t.json",
        "m.npz",
        "a.csv",
    ];
    for file in outputs {
        place.write(&format!("volume/{file}"), "old");
        symlink(format!("volume/{file}"), place.path(file)).unwrap();
    }
    let line =
        SCORE.replace("run pipeline-ae", "run --save_plan=plan.toml pipeline-ae --viz_file=v.svg");
    succeeds(
        &place,
        &format!(
            "{line} --models_output_filename=models preprocess inf-ae --scorer=recommended add-scores serialize \
             to-report --filename=r.html --overwrite to-file --filename=o.csv --overwrite \
             to-file --filename=l.jsonl --overwrite to-file --filename=p.parquet --overwrite"
        ),
    );
    place.write("labels.csv", "eventID,label,userName\n0,bad,ann\n");
    succeeds(
        &place,
        &format!(
            "{SCORE} preprocess inf-ae add-scores validate --val_file_name=in/a.csv \
             --results_file_name=checked.json --overwrite serialize to-file --filename=/dev/null --file_type=csv"
        ),
    );
    succeeds(&place, "report --html=x.html --userid_column_name=userName o.csv");
    succeeds(&place, "plot --output=x.svg --userid_column_name=userName o.csv");
    succeeds(&place, "alerts --output=a.csv --overwrite --userid_column_name=userName o.csv");
    succeeds(
        &place,
        "train --input=in/*.csv --store=store --userid_column_name=userName --min_history=20 --json=t.json",
    );
    succeeds(&place, "models export ann --store=store --npz=m.npz --overwrite");
    let evaluated =
        place.morpheus("evaluate --labels=labels.csv --event_column=_index_ --json=e.json o.csv");
    for file in outputs {
        if file == "e.json" && evaluated.code != 0 {
            continue;
        }
        assert!(place.path(file).is_symlink(), "{file}");
        assert!(fs::read(place.path(&format!("volume/{file}"))).unwrap().len() > 3, "{file}");
    }
    assert_eq!(place.list("volume").len(), outputs.len(), "{:?}", place.list("volume"));
}

#[test]
fn a_link_to_nothing_gets_its_target_and_one_into_nothing_is_refused() {
    let place = place();
    fs::create_dir(place.path("volume")).unwrap();
    symlink("volume/new.csv", place.path("out.csv")).unwrap();
    succeeds(&place, &format!("{COPY}out.csv"));
    assert_eq!(place.read("volume/new.csv").lines().count(), 61);
    assert!(place.path("out.csv").is_symlink());
    // A second run would replace it.
    let ended = place.morpheus(&format!("{COPY}out.csv"));
    assert_eq!(ended.code, 1);
    assert!(ended.stderr.contains("\"out.csv\" exists already"), "{}", ended.stderr);
    symlink("unmounted/out.csv", place.path("gone.csv")).unwrap();
    let ended = place.morpheus(&format!("{COPY}gone.csv"));
    assert_eq!(ended.code, 1);
    assert!(ended.stderr.contains("whose folder is not there"), "{}", ended.stderr);
    assert!(!place.path("unmounted").exists());
    // While a run watches, too.
    symlink("volume/live.csv", place.path("live.csv")).unwrap();
    succeeds(&place, &format!("{COPY}live.csv").replace("to-file", "--state_dir=state to-file"));
    assert_eq!(place.read("volume/live.csv").lines().count(), 61);
    assert!(place.path("live.csv").is_symlink());
}

/// As containers mount single files; where the system lets us.
#[cfg(target_os = "linux")]
#[test]
fn a_file_that_is_a_mount_is_written() {
    let place = place();
    place.write("volume/real.csv", "old");
    place.write("out.csv", "old");
    let mounted = |then: &str| {
        let mut command = Command::new("unshare");
        let script = format!("mount --bind volume/real.csv out.csv && {then}");
        command.args(["-rm", "sh", "-c", &script]).current_dir(place.path("."));
        command.stdout(Stdio::null()).stderr(Stdio::null()).status()
    };
    if !mounted("true").is_ok_and(|status| status.success()) {
        return;
    }
    let program = env!("CARGO_BIN_EXE_morpheus");
    assert!(mounted(&format!("{program} {COPY}out.csv --overwrite")).unwrap().success());
    assert_eq!(place.read("volume/real.csv").lines().count(), 61);
    assert_eq!(place.read("out.csv"), "old");
    assert_eq!(place.list("."), ["in", "out.csv", "volume"]);
}

#[test]
fn an_output_that_is_read_is_refused_by_every_path_to_it() {
    let place = place();
    place.write("sub/x", "");
    symlink("in/a.csv", place.path("soft.csv")).unwrap();
    symlink("in", place.path("folder")).unwrap();
    fs::hard_link(place.path("in/a.csv"), place.path("hard.csv")).unwrap();
    let before = place.read("in/a.csv");
    let whole = place.path("in/a.csv");
    let paths = [
        "in/a.csv",
        "./in/a.csv",
        "sub/../in/a.csv",
        "folder/a.csv",
        "soft.csv",
        "hard.csv",
        whole.to_str().unwrap(),
    ];
    for path in paths {
        let why = "is read too (--input_glob \"in/*.csv\"), and would be written over";
        refuses(&place, &format!("{COPY}{path} --overwrite"), why);
    }
    refuses(
        &place,
        &format!(
            "{SCORE} --models_output_filename=hard.csv preprocess inf-ae add-scores serialize to-file --filename=o.csv"
        ),
        "train-ae: --models_output_filename: \"hard.csv\" is read too",
    );
    let rest = "preprocess inf-ae add-scores serialize to-file --filename=o.csv";
    succeeds(&place, &format!("{SCORE} --models_output_filename=models {rest}"));
    let line = format!("{SCORE} {rest}");
    for (line, why) in [
        (
            line.replace("run ", "run --save_plan=soft.csv "),
            "--save_plan: \"soft.csv\" is read too (--input_glob \"in/*.csv\")",
        ),
        (line.replace("pipeline-ae ", "pipeline-ae --viz_file=o.csv "), "--viz_file"),
        (
            line.replace("serialize", "validate --val_file_name=o.csv serialize"),
            "to-file: --filename: \"o.csv\" is read too (--val_file_name \"o.csv\")",
        ),
        (
            line.replace("serialize", "serialize to-file --filename=./o.csv"),
            "to-file: --filename: \"o.csv\" is written twice (--filename of to-file has it too)",
        ),
        (
            line.replace(
                "serialize",
                "validate --val_file_name=in/a.csv --results_file_name=sub/../o.csv serialize",
            ),
            "is written twice (--results_file_name of validate has it too)",
        ),
        ("report --html=r.html r.html".to_owned(), "report: --html: \"r.html\" is read too"),
        (
            "alerts --overwrite --output=o.csv ./o.csv".to_owned(),
            "alerts: --output: \"o.csv\" is read too",
        ),
        (
            "score --input=in/*.csv --store=store --output=hard.csv".to_owned(),
            "score: --output: \"hard.csv\" is read too (--input \"in/*.csv\")",
        ),
        (
            "score --input=in/*.csv --store=store --output=store/o.csv".to_owned(),
            "lies in the folder of --store \"store\"",
        ),
        (
            format!("{COPY}state/../state/o.csv").replace("to-file", "--state_dir=state to-file"),
            "lies in the folder of --state_dir \"state\"",
        ),
        (
            "train --input=in/*.csv --store=store --json=soft.csv".to_owned(),
            "train: --json: \"soft.csv\" is read too",
        ),
    ] {
        place.write("r.html", "x");
        refuses(&place, &line, why);
    }
    assert_eq!(place.read("in/a.csv"), before);
    assert!(!place.path("state").exists() && !place.path("store").exists());
}

#[test]
fn a_log_that_a_watching_run_would_write_over_is_refused_and_its_own_output_is_no_input() {
    let place = place();
    let line =
        "run pipeline-other from-file --input_glob=in/*.csv --state_dir=state to-file --filename=";
    refuses(&place, &format!("{line}in/a.csv --overwrite"), "\"in/a.csv\" is read too");
    symlink("in/own.csv", place.path("own.csv")).unwrap();
    succeeds(&place, &format!("{line}own.csv"));
    let ended = succeeds(&place, &format!("{line}own.csv"));
    assert!(ended.stdout.contains("read       0 rows"), "{}", ended.stdout);
    assert_eq!(place.read("in/own.csv").lines().count(), 61);
}

#[test]
fn names_that_are_no_text_are_used_as_they_are() {
    let place = place();
    let name = |bytes: &[u8]| std::ffi::OsString::from_vec(bytes.to_vec());
    fs::write(place.path("in").join(name(b"b\xff.csv")), log(&["bo"], 30)).unwrap();
    fs::write(place.path("in").join(name(b"b\xfe.csv")), log(&["bo"], 5)).unwrap();
    let run = |glob: &[u8], out: &[u8]| {
        let mut command = place.command();
        command.args(["run", "pipeline-other", "from-file"]);
        command.arg(name(&[b"--input_glob=in/", glob].concat())).arg("to-file");
        command.arg(name(&[b"--filename=", out].concat()));
        Ended::of(command.output().unwrap())
    };
    for (glob, rows) in
        [(&b"b\xff.csv"[..], 30), (b"*\xff.csv", 30), (b"b?.csv", 35), (b"*.csv", 95)]
    {
        let number = glob.iter().map(|byte| usize::from(*byte)).sum::<usize>().to_string();
        let out = [b"out-\xfd", number.as_bytes(), b".csv"].concat();
        let ended = run(glob, &out);
        assert_eq!(ended.code, 0, "{}", ended.stderr);
        let text = fs::read_to_string(place.path("").join(name(&out))).unwrap();
        assert_eq!(text.lines().count(), rows + 1);
        assert!(ended.stdout.contains("out-\\xfd"), "{}", ended.stdout);
    }
    // It is no other name that looks the same.
    let ended = run(b"b\xfd.csv", b"none.csv");
    assert_eq!(ended.code, 2, "{}", ended.stderr);
    assert!(ended.stderr.contains("no file matches"), "{}", ended.stderr);
    // Where a text is expected, bytes are no text.
    let mut command = place.command();
    command.args(["run", "pipeline-ae"]).arg(name(b"--userid_filter=a\xff"));
    let ended = Ended::of(command.args(["from-cloudtrail", "--input_glob=in"]).output().unwrap());
    assert_eq!(ended.code, 2);
    assert!(
        ended.stderr.contains("--userid_filter: \"a\\xff\" is no text in UTF-8"),
        "{}",
        ended.stderr
    );
    // A plan keeps them.
    let mut command = place.command();
    command.args(["run", "--save_plan=plan.toml", "pipeline-other", "from-file"]);
    command.arg(name(b"--input_glob=in/b\xff.csv")).args(["to-file", "--filename=one.csv"]);
    assert_eq!(Ended::of(command.output().unwrap()).code, 0);
    fs::remove_file(place.path("one.csv")).unwrap();
    succeeds(&place, "run --plan=plan.toml");
    assert_eq!(place.read("one.csv").lines().count(), 31);
}

#[test]
fn a_file_called_like_the_pattern_hides_no_other() {
    let place = place();
    place.write("in/b.csv", log(&["ann"], 10));
    place.write("in/*.csv", log(&["eve"], 1));
    let ended = succeeds(&place, &format!("{COPY}out.csv"));
    assert!(ended.stdout.contains("read       71 rows"), "{}", ended.stdout);
}

#[test]
fn what_is_kept_is_its_owners_alone_unless_that_is_asked_for() {
    let place = place();
    let kept = |place: &Place, global: &str, folder: &str| {
        let rest = "preprocess inf-ae add-scores serialize to-file";
        succeeds(
            place,
            &format!(
                "{global} {SCORE} --models_output_filename={folder}/models {rest} --filename={folder}/o.csv"
            ),
        );
        succeeds(
            place,
            &format!("{global} {COPY}{folder}/copy.csv")
                .replace("to-file", &format!("--state_dir={folder}/state to-file")),
        );
        succeeds(
            place,
            &format!(
                "{global} train --input=in/*.csv --store={folder}/store --history_dir={folder}/history --userid_column_name=userName --min_history=20"
            ),
        );
    };
    kept(&place, "", "own");
    kept(&place, "--shared_files", "all");
    for (folder, file, directory) in [("own", 0o600, 0o700), ("all", 0o644, 0o755)] {
        for name in ["models", "state/state.redb", "history/state.redb", "store/store.json"] {
            assert_eq!(mode(&place, &format!("{folder}/{name}")), file, "{folder}/{name}");
        }
        for name in ["state", "history", "store", "store/users"] {
            assert_eq!(mode(&place, &format!("{folder}/{name}")), directory, "{folder}/{name}");
        }
        // Outputs are for others to read.
        assert_eq!(mode(&place, &format!("{folder}/o.csv")), 0o644);
    }
    // What is there keeps its mode.
    fs::set_permissions(place.path("own/o.csv"), fs::Permissions::from_mode(0o640)).unwrap();
    succeeds(&place, &format!("{COPY}own/o.csv --overwrite"));
    assert_eq!(mode(&place, "own/o.csv"), 0o640);
}
