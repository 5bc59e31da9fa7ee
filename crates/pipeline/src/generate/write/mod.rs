//! Logs and labels on disk.

mod flat;
mod records;

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use super::activity::{Activity, Period};
use super::dice::Purpose;
use super::event::{Event, uuid};
use super::profile::Profile;
use super::takeover::{Kind, Takeover, victims};
use super::{GenerateError, GenerateOptions, GenerateSummary, LogFormat, TakeoverSummary};

const TRAINING: &str = "training";
const NEW: &str = "validation";

/// Writes everything that `options`, which have been checked, ask for.
pub(super) fn all(options: &GenerateOptions) -> Result<GenerateSummary, GenerateError> {
    refuse_if_not_empty(options)?;
    let victims = victims(options.seed, options.users, options.takeovers);
    let mut run = Run::new(options)?;
    match options.format {
        LogFormat::Csv => {
            for (number, victim) in (0..options.users).zip(victims) {
                let profile = Profile::new(options.seed, number);
                let takeover = run.takeover(&profile, victim);
                run.write_flat(&profile, takeover)?;
            }
        }
        LogFormat::Json => {
            let profiles: Vec<Profile> =
                (0..options.users).map(|number| Profile::new(options.seed, number)).collect();
            let takeovers = profiles
                .iter()
                .zip(victims)
                .map(|(profile, victim)| run.takeover(profile, victim))
                .collect();
            run.write_records(&profiles, takeovers)?;
        }
    }
    run.write_labels()?;
    Ok(run.summary)
}

/// A row of an intruder, and where it was written.
struct Label {
    /// Relative to the output directory.
    file: String,
    row: u64,
    event_id: String,
    user: String,
    kind: Kind,
    start: i64,
}

/// What is known of a victim when its rows are written.
#[derive(Clone, Copy)]
struct Crime {
    kind: Kind,
    start: i64,
}

/// One generation: the two periods, and what was written so far.
struct Run<'a> {
    options: &'a GenerateOptions,
    training: Period,
    new: Period,
    /// One a user.
    crimes: Vec<Option<Crime>>,
    labels: Vec<Label>,
    summary: GenerateSummary,
}

impl<'a> Run<'a> {
    fn new(options: &'a GenerateOptions) -> Result<Self, GenerateError> {
        for folder in [TRAINING, NEW] {
            let path = options.output_dir.join(folder);
            fs::create_dir_all(&path).map_err(io_error("make directory", &path))?;
        }
        let (training_days, new_days) = options.split_days();
        let training = Period {
            purpose: Purpose::Training,
            start: options.start,
            first_day: 0,
            days: training_days,
            all_days: options.days,
            rows: options.training_rows,
        };
        let new = Period {
            purpose: Purpose::New,
            first_day: training_days,
            days: new_days,
            rows: options.new_rows,
            ..training.clone()
        };
        let summary = GenerateSummary {
            training_files: 0,
            training_rows: 0,
            new_files: 0,
            new_rows: 0,
            takeovers: Vec::new(),
        };
        Ok(Self { options, training, new, crimes: Vec::new(), labels: Vec::new(), summary })
    }

    fn takeover(&mut self, profile: &Profile, victim: bool) -> Option<Takeover> {
        let rows = self.options.takeover_rows;
        let takeover = victim.then(|| Takeover::new(self.options.seed, profile, &self.new, rows));
        let crime = takeover.as_ref().and_then(|takeover| {
            let start = takeover.events.first()?.time;
            Some(Crime { kind: takeover.kind, start })
        });
        if let Some(Crime { kind, start }) = crime {
            self.summary.takeovers.push(TakeoverSummary {
                user: profile.identity.user.clone(),
                kind,
                start: timestamp(start),
            });
        }
        self.crimes.push(crime);
        takeover
    }

    fn history<'p>(&self, profile: &'p Profile) -> Activity<'p> {
        Activity::new(self.options.seed, profile, self.training.clone(), None)
    }

    fn new_activity<'p>(&self, profile: &'p Profile, takeover: Option<Takeover>) -> Activity<'p> {
        Activity::new(self.options.seed, profile, self.new.clone(), takeover)
    }

    fn write_flat(
        &mut self,
        profile: &Profile,
        takeover: Option<Takeover>,
    ) -> Result<(), GenerateError> {
        let name = format!("{}.csv", profile.identity.user);
        let path = self.options.output_dir.join(TRAINING).join(&name);
        self.summary.training_rows +=
            flat::write(&path, profile, self.history(profile), |_, _| {})?;
        self.summary.training_files += 1;

        let path = self.options.output_dir.join(NEW).join(&name);
        let file = format!("{NEW}/{name}");
        let activity = self.new_activity(profile, takeover);
        self.summary.new_rows += flat::write(&path, profile, activity, |row, event| {
            note(&mut self.labels, &self.crimes, &file, row, profile, event);
        })?;
        self.summary.new_files += 1;
        Ok(())
    }

    fn write_records(
        &mut self,
        profiles: &[Profile],
        takeovers: Vec<Option<Takeover>>,
    ) -> Result<(), GenerateError> {
        let names = &mut super::dice::Dice::new(self.options.seed, 1, Purpose::World);
        let history = profiles.iter().map(|profile| (profile, self.history(profile))).collect();
        let directory = self.options.output_dir.join(TRAINING);
        let written = records::write(&directory, names, history, |_, _, _, _| {})?;
        (self.summary.training_files, self.summary.training_rows) = written;

        let activity = profiles
            .iter()
            .zip(takeovers)
            .map(|(profile, takeover)| (profile, self.new_activity(profile, takeover)))
            .collect();
        let directory = self.options.output_dir.join(NEW);
        let written = records::write(&directory, names, activity, |name, row, profile, event| {
            let file = format!("{NEW}/{name}");
            note(&mut self.labels, &self.crimes, &file, row, profile, event);
        })?;
        (self.summary.new_files, self.summary.new_rows) = written;
        Ok(())
    }

    fn write_labels(&self) -> Result<(), GenerateError> {
        let path = self.options.output_dir.join("labels.csv");
        let mut out = create(&path)?;
        let mut write = || {
            writeln!(out, "file,row,eventID,user,label,start")?;
            for Label { file, row, event_id, user, kind, start } in &self.labels {
                let (label, start) = (kind.label(), timestamp(*start));
                writeln!(out, "{file},{row},{event_id},{user},{label},{start}")?;
            }
            out.flush()
        };
        write().map_err(io_error("write", &path))
    }
}

/// Keeps the label of an intruder's row.
fn note(
    labels: &mut Vec<Label>,
    crimes: &[Option<Crime>],
    file: &str,
    row: u64,
    profile: &Profile,
    event: &Event,
) {
    let crime = crimes.get(profile.number as usize).copied().flatten();
    if let Some(Crime { kind, start }) = crime.filter(|_| event.hostile) {
        labels.push(Label {
            file: file.to_owned(),
            row,
            event_id: uuid(event.id),
            user: profile.identity.user.clone(),
            kind,
            start,
        });
    }
}

fn refuse_if_not_empty(options: &GenerateOptions) -> Result<(), GenerateError> {
    let path = &options.output_dir;
    if options.overwrite {
        return Ok(());
    }
    match fs::read_dir(path).map(|mut entries| entries.next()) {
        Ok(None) => Ok(()),
        Ok(Some(_)) => Err(GenerateError::NotEmpty { path: path.clone() }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(io_error("read directory", path)(error)),
    }
}

fn create(path: &Path) -> Result<BufWriter<File>, GenerateError> {
    let file = File::create(path).map_err(io_error("create", path))?;
    Ok(BufWriter::with_capacity(1 << 18, file))
}

fn io_error(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> GenerateError {
    let path = PathBuf::from(path);
    move |cause| GenerateError::Io { action, path, cause }
}

/// CloudTrail's form: `2024-01-01T08:15:30Z`.
fn timestamp(seconds: i64) -> jiff::Timestamp {
    jiff::Timestamp::from_second(seconds).unwrap_or(jiff::Timestamp::UNIX_EPOCH)
}
