//! A user's turn: whether a new version is due, the version, and whether it becomes live.

use super::challenger::Trial;
use super::compare::{Comparison, Verdict};
use super::fingerprint;
use super::rows::{History, newest};
use crate::error::RunError;
use crate::plan::{HistoryLength, Promote, RetrainRules};
use crate::train::{Task, Trainer, TrainingProgress};
use dfp_engine::Reporter;
use dfp_model::UserModel;
use dfp_model::artifact::PeersName;
use dfp_registry::library::{About, Leaning, Library};
use dfp_registry::store::{State, UserVersions};
use serde::Serialize;
use std::sync::Arc;
use std::time::Instant;

/// What became of a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// The new version is live.
    Promoted,
    /// The new version waits, or was found worse.
    Candidate,
    /// There is a version of the same rows and settings.
    UpToDate,
    /// There are too few rows, or too few new ones.
    Waiting,
    /// There is no new version, and there should be.
    Failed,
    /// Would be trained.
    Due,
}

/// A user, and what became of it.
#[derive(Clone, Debug, Serialize)]
pub struct Outcome {
    /// The user.
    pub user: String,
    /// Rows of the history that are learnt.
    pub rows: usize,
    /// What it took.
    pub seconds: f64,
    /// Mean training loss of the last epoch.
    pub loss: Option<f64>,
    /// What became of it.
    pub status: Status,
    /// The version that is spoken of.
    pub version: Option<u64>,
    /// Why.
    pub reason: String,
    /// New version and live one side by side.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comparison: Option<Comparison>,
}

/// Why no user may be called as everyone's model is.
pub(crate) const RESERVED: &str = "the name is reserved for the model of all users";

/// The model that users lean on, and which version it is.
pub(crate) type Peers = Option<(Arc<UserModel>, Leaning)>;

/// What every user's turn has in common.
pub(crate) struct Turns<'a> {
    pub(crate) rules: &'a RetrainRules,
    pub(crate) library: &'a Library,
    pub(crate) trainer: Trainer<'a>,
    pub(crate) reporter: &'a Arc<dyn Reporter>,
    /// Nothing is trained; it is told who would be.
    pub(crate) rehearses: bool,
    /// Rows since the newest version, if whoever asks has counted them.
    pub(crate) new: Option<usize>,
}

impl Turns<'_> {
    /// Everyone's live model, if users are to lean on it.
    pub(crate) fn peers(&self) -> Result<Peers, RunError> {
        if !self.trainer.is_recommended() {
            return Ok(None);
        }
        let generic = self.trainer.generic_user();
        let Some(version) = self.library.store().shelf(generic)?.live() else { return Ok(None) };
        let fingerprint = self.library.about(generic, version)?.fingerprint;
        // Live models that lean on it share it.
        let name = PeersName { user: generic.to_owned(), fingerprint: fingerprint.clone() };
        let model = self.library.shared(&name)?;
        let leaning = Leaning { user: generic.to_owned(), version, fingerprint };
        Ok(model.is_recommended().then_some((model, leaning)))
    }

    /// Takes a user's turn.
    pub(crate) fn outcome(
        &self,
        task: &Task<'_>,
        peers: &Peers,
        progress: &TrainingProgress,
    ) -> Outcome {
        let start = Instant::now();
        let mut outcome = match self.one(task, peers, progress) {
            Ok(outcome) => outcome,
            Err(why) => Outcome::of(&task.user, task.rows.count(), Status::Failed, why),
        };
        outcome.seconds = start.elapsed().as_secs_f64();
        outcome
    }

    fn one(
        &self,
        task: &Task<'_>,
        peers: &Peers,
        progress: &TrainingProgress,
    ) -> Result<Outcome, String> {
        let user = &*task.user;
        if peers.is_some() && user == self.trainer.generic_user() {
            return Err(RESERVED.to_owned());
        }
        let history = self.history(task)?;
        let rows = history.rows.num_rows();
        let least = self.rules.min_history;
        if rows < least {
            let why = format!(
                "{}, and {} asks for {least}",
                counted(rows, "row"),
                self.option("min_history")
            );
            return Ok(Outcome::of(user, rows, Status::Waiting, why));
        }
        let shelf = self.library.store().shelf(user).map_err(|error| error.to_string())?;
        let peers_model = peers.as_ref().map(|(model, _)| model);
        let leaning = peers.as_ref().map(|(_, leaning)| leaning.clone());
        let config = self.trainer.config(rows);
        let trained_on = fingerprint::digest(&history.rows, &config, leaning.is_some())
            .map_err(|error| error.to_string())?;
        // A version that cannot be read counts for nothing: it is mended by a new one.
        let readable = |version: u64| {
            let about = self.library.about(user, version).ok()?;
            let model = self.library.model(user, version).ok()?;
            Some((about, model))
        };
        if let Some((latest, (about, _))) =
            shelf.latest().and_then(|latest| Some((latest, readable(latest)?)))
        {
            if about.trained_on.as_ref() == Some(&trained_on) {
                return self.finish(user, &shelf, latest, &about);
            }
            if let Some(why) = self.not_yet(&history, &about, latest) {
                let mut outcome = Outcome::of(user, rows, Status::Waiting, why);
                outcome.version = Some(latest);
                return Ok(outcome);
            }
        }
        if self.rehearses {
            let why = match shelf.latest() {
                None => "has no version".to_owned(),
                Some(latest) => format!("version {latest} is of other rows or settings"),
            };
            return Ok(Outcome::of(user, rows, Status::Due, why));
        }
        let start = Instant::now();
        let live = shelf.live().filter(|_| self.rules.promote != Promote::Always);
        let comparison = match live.and_then(|live| Some((live, readable(live)?))) {
            Some((live, (about, model))) => {
                let new = history
                    .newer_than(&about, self.rules.max_history)
                    .or(self.new)
                    .unwrap_or_default();
                let rows = (&history.rows, new);
                let share = self.rules.held_out;
                let trial = Trial { trainer: &self.trainer, peers: peers_model, share };
                Some(trial.held_against(user, &model, Some(live), rows, progress, self.reporter)?)
            }
            None => None,
        };
        let model = self.trainer.fit(user, &history.rows, peers_model, progress)?;
        self.trainer.count_set_aside(&model);
        let source = self.trainer.source();
        let mut about = About::of(&model, source, leaning).map_err(|error| error.to_string())?;
        about.seconds = Some(start.elapsed().as_secs_f64());
        about.trained_on = Some(trained_on);
        about.comparison =
            comparison.map(serde_json::to_value).transpose().map_err(|error| error.to_string())?;
        let version = self.library.put(&model, &about).map_err(|error| error.to_string())?;
        self.finish(user, &shelf, version, &about)
    }

    /// Why a user who has a version gets no other yet.
    fn not_yet(&self, history: &History, about: &About, latest: u64) -> Option<String> {
        let new = self.new.or_else(|| history.newer_than(about, self.rules.max_history));
        if self.rules.is_due(new, history.later_than(about)) {
            return None;
        }
        let mut missing = Vec::new();
        if let Some(least) = self.rules.min_increment {
            let new = counted(new.unwrap_or_default(), "new row");
            let option = self.option("min_increment");
            missing.push(format!("{new} since version {latest}, and {option} asks for {least}"));
        }
        if self.rules.retrain_every.is_some() {
            let option = self.option(self.rules.schedule);
            missing.push(format!("its newest row is not much later, as {option} asks"));
        }
        Some(missing.join("; "))
    }

    /// An option as it is typed.
    fn option(&self, name: &str) -> String {
        format!("--{}{name}", self.rules.prefix)
    }

    /// Promotes a version or leaves it, as the rule has it; also one that an earlier run has put there.
    fn finish(
        &self,
        user: &str,
        shelf: &UserVersions,
        version: u64,
        about: &About,
    ) -> Result<Outcome, String> {
        let comparison: Option<Comparison> =
            about.comparison.clone().map(serde_json::from_value).transpose().map_err(|error| {
                format!("the comparison of version {version} cannot be used: {error}")
            })?;
        let mut outcome = Outcome::of(user, about.rows, Status::UpToDate, String::new());
        outcome.version = Some(version);
        outcome.loss = about.losses.last().copied();
        let state = shelf.standing.state(version);
        let is_new = !shelf.versions.contains(&version);
        if state != State::Candidate {
            outcome.reason =
                format!("version {version}, {state}, is of the same rows and settings");
            return Ok(outcome);
        }
        let asked = |word| format!("{} {word}", self.option("promote"));
        let verdict = match (self.rules.promote, &comparison) {
            (Promote::Never, _) => Verdict { promote: false, reason: asked("never") },
            (Promote::Always, _) => Verdict { promote: true, reason: asked("always") },
            (Promote::Better, Some(comparison)) => comparison.verdict.clone(),
            (Promote::Better, None) => match shelf.live() {
                None => Verdict { promote: true, reason: "the first version".to_owned() },
                Some(live) if self.library.model(user, live).is_err() => Verdict {
                    promote: true,
                    reason: format!("the live version {live} cannot be read"),
                },
                Some(live) => Verdict {
                    promote: false,
                    reason: format!("it was never compared with the live version {live}"),
                },
            },
        };
        let compared = comparison.as_ref().and_then(|comparison| comparison.live_version);
        // What it was held against, or nothing, has to be what it takes the place of.
        let expected = compared.or(shelf.live().filter(|_| comparison.is_none()));
        outcome.comparison = comparison;
        outcome.reason = verdict.reason;
        outcome.status = match (verdict.promote, is_new) {
            (true, _) if !self.rehearses => {
                let always = self.rules.promote == Promote::Always;
                let taken = self.library.store().change(user, &mut |standing, _| {
                    if always || standing.live() == expected {
                        standing.promote(version);
                    }
                    Ok(())
                });
                let taken = taken.map_err(|error| error.to_string())?;
                match taken.live() {
                    Some(live) if live != version => {
                        outcome.reason =
                            format!("version {live} is live now, with which it was not compared");
                        if is_new { Status::Candidate } else { Status::UpToDate }
                    }
                    _ => Status::Promoted,
                }
            }
            (false, false) => Status::UpToDate,
            _ => Status::Candidate,
        };
        Ok(outcome)
    }

    /// What is learnt of a user's rows.
    fn history(&self, task: &Task<'_>) -> Result<History, String> {
        let rows = task.rows.newest(usize::MAX).map_err(|error| error.to_string())?;
        let most = match self.rules.max_history {
            // Everyone's rows are that many of each user.
            Some(HistoryLength::Rows(_)) if *task.user == *self.trainer.generic_user() => None,
            most => most,
        };
        let rows = newest(&rows, most)?;
        History::of(rows)
    }
}

impl Outcome {
    pub(super) fn of(user: &str, rows: usize, status: Status, reason: String) -> Self {
        Self {
            user: user.to_owned(),
            rows,
            seconds: 0.0,
            loss: None,
            status,
            version: None,
            reason,
            comparison: None,
        }
    }
}

/// So many of something.
pub(crate) fn counted(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}
