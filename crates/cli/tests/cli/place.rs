//! Drives the real binary in a fresh directory.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

/// The column of users of generated CloudTrail logs.
pub const USER: &str = "userIdentitysessionContextsessionIssueruserName";

/// A fresh directory in which the binary runs.
pub struct Place {
    dir: tempfile::TempDir,
}

/// A run that goes on until it is stopped.
pub struct Running(Child, PathBuf);

/// How a run ended.
#[derive(Debug)]
pub struct Ended {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Place {
    pub fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap() }
    }

    /// With logs of `tools generate` in `logs`.
    pub fn generated(options: &str) -> Self {
        let place = Self::new();
        let ended = place.morpheus(&format!("tools generate --output_dir=logs {options}"));
        assert_eq!(ended.code, 0, "{}", ended.stderr);
        place
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }

    pub fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap_or_else(|e| panic!("{name}: {e}"))
    }

    /// Names of the files in a directory, sorted.
    pub fn list(&self, name: &str) -> Vec<String> {
        let entries = std::fs::read_dir(self.path(name)).unwrap();
        let mut names: Vec<String> = entries
            .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    }

    pub fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_morpheus"));
        command.current_dir(self.dir.path());
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("MORPHEUS_")) {
            command.env_remove(name);
        }
        command
    }

    /// Runs the binary with the words of `line`, split at white space.
    pub fn morpheus(&self, line: &str) -> Ended {
        Ended::of(self.command().args(line.split_whitespace()).output().unwrap())
    }

    /// Starts the binary with the words of `line`.
    pub fn start(&self, line: &str) -> Running {
        let mut command = self.command();
        // A pipe that nobody reads would stop the binary once it is full.
        let said = self.path("running.stderr");
        let file = std::fs::File::create(&said).unwrap();
        command.args(line.split_whitespace()).stdout(Stdio::piped()).stderr(file);
        Running(command.spawn().unwrap(), said)
    }

    /// Waits until a file of the place holds a text.
    pub fn wait_for(&self, name: &str, text: &str) {
        let start = Instant::now();
        let read = || std::fs::read_to_string(self.path(name)).unwrap_or_default();
        while !read().contains(text) && start.elapsed() < Duration::from_secs(60) {
            std::thread::sleep(Duration::from_millis(20));
        }
        assert!(read().contains(text), "\"{text}\" in {name}\n{}", read());
    }

    /// Waits until a CSV file has `rows` rows, and not more.
    pub fn wait_for_rows(&self, name: &str, rows: usize) {
        let start = Instant::now();
        let lines = || std::fs::read_to_string(self.path(name)).unwrap_or_default().lines().count();
        while lines() < rows + usize::from(rows > 0) && start.elapsed() < Duration::from_secs(60) {
            std::thread::sleep(Duration::from_millis(20));
        }
        let said = std::fs::read_to_string(self.path("running.stderr")).unwrap_or_default();
        assert_eq!(lines().saturating_sub(1), rows, "rows in {name}\n{said}");
    }
}

impl Running {
    pub fn id(&self) -> u32 {
        self.0.id()
    }

    pub fn has_ended(&mut self) -> bool {
        self.0.try_wait().unwrap().is_some()
    }

    /// Ends it in the middle of whatever it does.
    pub fn killed(mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }

    /// Asks it to end.
    pub fn stopped(self) -> Ended {
        let id = self.0.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
        self.ended()
    }

    /// Waits for its end.
    pub fn ended(self) -> Ended {
        let mut output = self.0.wait_with_output().unwrap();
        output.stderr = std::fs::read(self.1).unwrap();
        Ended::of(output)
    }
}

impl Ended {
    pub fn of(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Standard error without the lines of progress.
    pub fn messages(&self) -> String {
        let progress = ["reading ", "training:", "scoring:"];
        self.stderr
            .lines()
            .filter(|line| !progress.iter().any(|start| line.starts_with(start)))
            .fold(String::new(), |mut text, line| {
                let _ = writeln!(text, "{line}");
                text
            })
    }
}

/// A small CloudTrail table: `rows` rows of each user, one a minute, with a few habits.
pub fn log(users: &[&str], rows: usize) -> String {
    let mut text = String::from(",eventTime,eventName,eventSource,userName,errorCode\n");
    for row in 0..rows {
        for (position, user) in users.iter().enumerate() {
            let number = row * users.len() + position;
            let (hour, minute) = (row / 60 % 24, row % 60);
            let name = ["List", "Get", "Put"][row % 3];
            let source = ["s3", "ec2"][row / 3 % 2];
            let error = if row % 7 == 0 { "Denied" } else { "" };
            let _ = writeln!(
                text,
                "{number},2021-10-{:02}T{hour:02}:{minute:02}:00Z,{name},{source},{user},{error}",
                1 + row / 1440
            );
        }
    }
    text
}

/// Shows that a test is skipped since it needs data that are not kept with the sources.
pub fn not_kept(what: &str) {
    let test = std::thread::current().name().unwrap_or_default().to_owned();
    // Not `eprintln`, which the test harness shows only of tests that fail.
    let _ = writeln!(std::io::stderr(), "skipped {test}: {what} is not kept with the sources");
}

/// The folder with data for development, where there is one beside the repository.
pub fn shared(name: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared").join(name);
    if path.exists() {
        return Some(path);
    }
    not_kept(name);
    None
}

/// Columns of a CSV text by name.
pub fn column(csv: &str, name: &str) -> Vec<String> {
    let mut reader = csv::Reader::from_reader(csv.as_bytes());
    let at = reader.headers().unwrap().iter().position(|header| header == name).unwrap();
    reader.records().map(|record| record.unwrap()[at].to_owned()).collect()
}

/// A column of numbers.
pub fn numbers(csv: &str, name: &str) -> Vec<f64> {
    column(csv, name).iter().map(|cell| cell.parse().unwrap()).collect()
}

/// The words of a line, as a shell would cut it: at blanks that do not stand in quotes.
pub fn words(line: &str) -> Vec<String> {
    let (mut words, mut word, mut quote) = (Vec::new(), None::<String>, None);
    for c in line.chars() {
        match c {
            '\'' | '"' if quote.is_none_or(|open| open == c) => {
                quote = if quote.is_none() { Some(c) } else { None };
                word.get_or_insert_default();
            }
            c if c.is_whitespace() && quote.is_none() => words.extend(word.take()),
            c => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words
}
