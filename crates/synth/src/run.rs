//! One generation, from the options to logs and labels on disk.

use std::fs;
use std::io::{self, Write};

use super::activity::{Activity, Event, User, uuid};
use super::calendar::Period;
use super::cloudtrail::{self, Profile};
use super::error::GenerateError;
use super::kind::Kind;
use super::options::GenerateOptions;
use super::signin::{self, Person, Vendor};
use super::source::{LogFormat, LogSource};
use super::stable_rng::{Dice, Purpose};
use super::summary::{GenerateSummary, TakeoverSummary};
use super::takeover::{Takeover, victims};
use super::write::{Form, create, io_error, timestamp};

const TRAINING: &str = "training";
const NEW: &str = "validation";

/// Writes everything that `options`, which have been checked, ask for.
pub(super) fn all(options: &GenerateOptions) -> Result<GenerateSummary, GenerateError> {
    refuse_if_not_empty(options)?;
    let run = Run::new(options)?;
    let profile = |number| Profile::new(options.seed, number);
    let person = |vendor: &'static Vendor| move |number| Person::new(options.seed, number, vendor);
    match options.source {
        LogSource::CloudTrail(LogFormat::Csv) => run.by_user(profile),
        LogSource::CloudTrail(LogFormat::Json) => run.by_time(profile, &cloudtrail::records::FORM),
        LogSource::Azure => run.by_time(person(&signin::azure::VENDOR), &signin::FORM),
        LogSource::Duo => run.by_time(person(&signin::duo::VENDOR), &signin::FORM),
        LogSource::Okta => run.by_time(person(&signin::okta::VENDOR), &signin::FORM),
    }
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

    /// One flat file a user.
    fn by_user(
        mut self,
        new_user: impl Fn(u32) -> Profile,
    ) -> Result<GenerateSummary, GenerateError> {
        for (number, victim) in self.victims() {
            let profile = new_user(number);
            let takeover = self.takeover(&profile, victim);
            self.write_flat(&profile, takeover)?;
        }
        self.finish()
    }

    /// All users together, in the source's own files.
    fn by_time<U: User>(
        mut self,
        new_user: impl Fn(u32) -> U,
        form: &Form<U>,
    ) -> Result<GenerateSummary, GenerateError> {
        let victims = self.victims();
        let users: Vec<U> = victims.iter().map(|(number, _)| new_user(*number)).collect();
        let takeovers = users
            .iter()
            .zip(victims)
            .map(|(user, (_, victim))| self.takeover(user, victim))
            .collect();
        self.write_by_time(&users, takeovers, form)?;
        self.finish()
    }

    /// The numbers of all users, and whether their accounts are taken over.
    fn victims(&self) -> Vec<(u32, bool)> {
        let GenerateOptions { seed, users, takeovers, .. } = *self.options;
        (0..users).zip(victims(seed, users, takeovers)).collect()
    }

    fn takeover<U: User>(&mut self, user: &U, victim: bool) -> Option<Takeover<U::What>> {
        let GenerateOptions { seed, takeover_rows, .. } = *self.options;
        let kinds = self.options.kinds();
        let takeover = victim.then(|| Takeover::new(seed, user, &self.new, kinds, takeover_rows));
        let crime = takeover.as_ref().and_then(|takeover| {
            let (_, first) = takeover.events.first()?;
            Some(Crime { kind: takeover.kind, start: first.time })
        });
        if let Some(Crime { kind, start }) = crime {
            self.summary.takeovers.push(TakeoverSummary {
                user: user.name().to_owned(),
                kind,
                start: timestamp(start),
            });
        }
        self.crimes.push(crime);
        takeover
    }

    fn history<'u, U: User>(&self, user: &'u U) -> Activity<'u, U> {
        Activity::new(self.options.seed, user, self.training.clone(), Vec::new())
    }

    fn new_activity<'u, U: User>(
        &self,
        user: &'u U,
        takeover: Option<Takeover<U::What>>,
    ) -> Activity<'u, U> {
        let intruder = takeover.map(|takeover| takeover.events).unwrap_or_default();
        Activity::new(self.options.seed, user, self.new.clone(), intruder)
    }

    fn write_flat(
        &mut self,
        profile: &Profile,
        takeover: Option<Takeover<<Profile as User>::What>>,
    ) -> Result<(), GenerateError> {
        let name = format!("{}.csv", profile.name());
        let path = self.options.output_dir.join(TRAINING).join(&name);
        self.summary.training_rows +=
            cloudtrail::flat::write(&path, profile, self.history(profile), |_, _| {})?;
        self.summary.training_files += 1;

        let path = self.options.output_dir.join(NEW).join(&name);
        let file = format!("{NEW}/{name}");
        let activity = self.new_activity(profile, takeover);
        self.summary.new_rows +=
            cloudtrail::flat::write(&path, profile, activity, |row, event| {
                note(&mut self.labels, &self.crimes, &file, row, profile, event);
            })?;
        self.summary.new_files += 1;
        Ok(())
    }

    fn write_by_time<U: User>(
        &mut self,
        users: &[U],
        takeovers: Vec<Option<Takeover<U::What>>>,
        form: &Form<U>,
    ) -> Result<(), GenerateError> {
        let names = &mut Dice::new(self.options.seed, 1, Purpose::World);
        let history = users.iter().map(|user| (user, self.history(user))).collect();
        let directory = self.options.output_dir.join(TRAINING);
        let written = form.write(&directory, names, history, |_, _, _, _| {})?;
        (self.summary.training_files, self.summary.training_rows) = written;

        let activity = users
            .iter()
            .zip(takeovers)
            .map(|(user, takeover)| (user, self.new_activity(user, takeover)))
            .collect();
        let directory = self.options.output_dir.join(NEW);
        let written = form.write(&directory, names, activity, |name, row, user, event| {
            let file = format!("{NEW}/{name}");
            note(&mut self.labels, &self.crimes, &file, row, user, event);
        })?;
        (self.summary.new_files, self.summary.new_rows) = written;
        Ok(())
    }

    /// Writes the labels.
    fn finish(self) -> Result<GenerateSummary, GenerateError> {
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
        write().map_err(io_error("write", &path))?;
        Ok(self.summary)
    }
}

/// Keeps the label of an intruder's row.
fn note<U: User>(
    labels: &mut Vec<Label>,
    crimes: &[Option<Crime>],
    file: &str,
    row: u64,
    user: &U,
    event: &Event<U::What>,
) {
    let crime = crimes.get(user.number() as usize).copied().flatten();
    if let Some(Crime { kind, start }) = crime.filter(|_| event.hostile) {
        labels.push(Label {
            file: file.to_owned(),
            row,
            event_id: uuid(event.id),
            user: user.name().to_owned(),
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
