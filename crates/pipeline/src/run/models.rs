//! The models of a run: read from a file or learnt, and written.

use super::Run;
use crate::error::RunError;
use crate::plan::{self, StageSettings};
use crate::retrain::RESERVED;
use crate::source::{self, ReadCount};
use crate::stages;
use crate::train::{
    TRAINING_DATA, Task, TaskRows, Trained, Trainer, skipped_numbers, unknown_times_first,
};
use dfp_engine::Weight;
use dfp_features::derive::Memory;
use dfp_features::users::Users;
use dfp_model::artifact;
use dfp_model::config::Scorer;
use dfp_model::user_model::UserModel;
use dfp_registry::library::{Library, Lookup, LookupOptions};
use dfp_registry::model_set;
use dfp_registry::store::Purpose;
use dfp_storage::names::shown;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

impl Run<'_> {
    pub(super) fn prepare_models(&mut self) -> Result<(), RunError> {
        let Some(settings) = self.train_ae() else { return Ok(()) };
        if let Some(path) = &settings.pretrained_filename {
            return self.read_models(path, settings);
        }
        if let (Some(store), None) = (&settings.model_store, &settings.train_data_glob) {
            let purpose = match settings.on_messages {
                Some(_) => Purpose::Write,
                None => Purpose::Read,
            };
            let library = Library::open(&store.name, purpose, settings.model_limits)?;
            library.check_source(self.plan.source.kind.stage, &settings.generic_user)?;
            let with_counts = self.asks_for_counts();
            let options = LookupOptions { with_counts, ..store.lookup.clone() };
            self.models.look_up_in(Lookup::new(library, options, Arc::clone(&self.reporter)));
        }
        if !settings.trains() {
            return Ok(());
        }
        self.summary.drawn_seed = settings.seed_is_drawn.then_some(settings.seed);
        if let Some(glob) = &settings.train_data_glob {
            self.train_from_files(glob, settings)?;
        }
        Ok(())
    }

    fn read_models(&mut self, path: &Path, settings: &plan::TrainAe) -> Result<(), RunError> {
        let start = Instant::now();
        let models = model_set::read(path, &settings.model_limits)?;
        let asked = self.asks_for_counts();
        if let Some(model) = models.iter().find(|model| asked && !model.is_recommended()) {
            return Err(RunError::Failed(format!(
                "{}: the model of user {:?} was trained without counts, and inf-ae --scorer recommended needs them; train it with that option",
                shown(path),
                model.header().user
            )));
        }
        for model in models {
            let user: Arc<str> = Arc::from(model.header().user.as_str());
            self.insert(user, Arc::new(model), settings);
        }
        self.summary.phases.push(("reading models", start.elapsed()));
        Ok(())
    }

    fn asks_for_counts(&self) -> bool {
        self.plan.stages.iter().any(|stage| match stage {
            StageSettings::Inference(settings) => settings.scorer == Scorer::Recommended,
            _ => false,
        })
    }

    fn refuse_name(&self, user: &str) {
        let why = RESERVED.to_owned();
        self.reporter.say(Weight::Error, &stages::no_model(user, &why));
        self.failed.lock().push((user.to_owned(), why));
    }

    fn insert(&self, user: Arc<str>, model: Arc<UserModel>, settings: &plan::TrainAe) {
        match (*user == *settings.generic_user, self.plan.generic_model) {
            (true, true) => self.models.insert_generic(model),
            (true, false) => {}
            (false, _) => self.models.insert(user, model),
        }
    }

    fn train_from_files(&mut self, glob: &str, settings: &plan::TrainAe) -> Result<(), RunError> {
        let start = Instant::now();
        // A store that cannot be written is refused before anything is trained.
        let store = settings.model_store.as_ref();
        let open = |store: &plan::ModelStore| {
            let library = Library::open(&store.name, Purpose::Write, settings.model_limits)?;
            library.check_source(self.plan.source.kind.stage, &settings.generic_user)?;
            Ok::<_, RunError>(library)
        };
        let library = store.map(open).transpose()?;
        let globs = [glob.to_owned()];
        let files = source::find(&globs, self.plan.source.recursive, None, false)?;
        let reporter = Arc::clone(&self.reporter);
        let stop = self.stop.clone();
        let trainer = Trainer::new(self.plan, settings, reporter.as_ref(), &stop);
        if let Some(library) = &library {
            trainer.know_categories_of(library);
        }
        let mut memory = Memory::default();
        let (table, everyone) =
            trainer.read(&files, &self.pool, &mut memory, &mut |_, _| Ok(()))?;
        *self.memory.lock() = memory.after_training();
        // Everyone's model learns from everyone, whoever is scored.
        let mut of_everyone: Vec<u32> = Vec::new();
        if self.plan.generic_model {
            of_everyone.extend(everyone.rows.iter().flat_map(|(_, rows)| rows));
            of_everyone.sort_unstable();
        }
        let users = match everyone.only(self.plan.user_filter.as_deref(), TRAINING_DATA) {
            Err(_) if self.plan.generic_model => Users::default(),
            users => users?,
        };
        source::check_strict(&users, TRAINING_DATA, self.plan.strict)?;
        let mut count = ReadCount::default();
        count.add(&table, &users);
        self.summary.skipped.extend(count.lines(TRAINING_DATA));
        self.summary.changed.extend(count.changes(TRAINING_DATA));
        self.summary.filtered.push((TRAINING_DATA, count.filtered));
        self.summary.repeated_in_training = count.repeated;
        self.summary.drops_repeated = self.plan.source.drop_duplicates;
        self.summary.phases.push(("reading training data", start.elapsed()));

        let start = Instant::now();
        let features = trainer.features(&table.batch)?;
        if settings.max_history.is_some() {
            trainer.warn_of_unknown_order(&table.batch, "--train_max_history", TRAINING_DATA);
        }
        let mut users = users;
        unknown_times_first(&features, &mut users.rows)?;
        let mut everyone = [(Arc::from(&*settings.generic_user), of_everyone)];
        unknown_times_first(&features, &mut everyone)?;
        let [(_, of_everyone)] = everyone;
        let mut tasks = Vec::with_capacity(users.rows.len() + 1);
        if self.plan.generic_model {
            tasks.push(Task {
                user: Arc::from(&*settings.generic_user),
                rows: TaskRows::Of(&features, of_everyone),
            });
        }
        for (user, rows) in users.rows {
            if *user == *settings.generic_user {
                self.refuse_name(&user);
                continue;
            }
            tasks.push(Task { user, rows: TaskRows::Of(&features, rows) });
        }
        drop(table);
        let trained = trainer.train(tasks, &self.pool);
        self.reporter.phase_over();
        let models = self.keep(trained?, settings)?;
        self.count_set_aside(&models, &settings.generic_user);
        self.summary.phases.push(("training", start.elapsed()));
        if let Some(library) = library {
            let start = Instant::now();
            library.publish(&models, self.plan.source.kind.stage)?;
            self.summary.phases.push(("storing models", start.elapsed()));
        }
        Ok(())
    }

    /// Counts the cells that models have not learnt, once: everyone's model has learnt the users' rows too.
    fn count_set_aside(&mut self, models: &[Arc<UserModel>], everyone: &str) {
        let cells = |of_everyone: bool| -> usize {
            let of = models.iter().filter(|m| (m.header().user == everyone) == of_everyone);
            of.flat_map(|model| model.header().plan.set_aside()).map(|aside| aside.cells).sum()
        };
        self.summary.skipped.extend(skipped_numbers(cells(false).max(cells(true))));
    }

    /// Looks trained models up from now on, and writes the file that is asked for.
    fn keep(
        &mut self,
        trained: Vec<Trained>,
        settings: &plan::TrainAe,
    ) -> Result<Vec<Arc<UserModel>>, RunError> {
        let mut models = Vec::new();
        let mut failed = Vec::new();
        for (user, result) in trained {
            match result {
                Ok(model) => {
                    models.push(Arc::clone(&model));
                    self.insert(user, model, settings);
                }
                Err(why) => failed.push((user.to_string(), why)),
            }
        }
        if !self.models.is_empty() || failed.len() > 1 {
            for (user, why) in &failed {
                self.reporter.say(Weight::Error, &stages::no_model(user, why));
            }
        }
        if self.models.is_empty() {
            return Err(RunError::Failed(match failed.as_slice() {
                [(user, why)] => format!("no model could be trained: user {user:?}: {why}"),
                [] => "no model could be trained: no training row has a user".to_owned(),
                all => format!("no model could be trained for any of the {} users", all.len()),
            }));
        }
        if let (true, Some((user, why))) = (self.plan.strict, failed.first()) {
            return Err(RunError::Failed(format!("--strict: {}", stages::no_model(user, why))));
        }
        self.failed.lock().extend(failed);
        if let Some(path) = &settings.models_output_filename {
            write_models(&models, path)?;
        }
        Ok(models)
    }

    /// Models from files are written before anything is scored; these only exist now.
    pub(super) fn write_models_of_messages(&mut self) -> Result<(), RunError> {
        match self.train_ae() {
            Some(settings) if settings.trains_on_messages() => {
                self.count_set_aside(&self.models.all(), &settings.generic_user);
                match &settings.models_output_filename {
                    Some(path) => write_models(&self.models.all(), path),
                    None => Ok(()),
                }
            }
            _ => Ok(()),
        }
    }
}

fn write_models(models: &[Arc<UserModel>], path: &Path) -> Result<(), RunError> {
    let models: Vec<&UserModel> = models.iter().map(AsRef::as_ref).collect();
    let mut bytes = Vec::new();
    let refuse = |why: String| RunError::Failed(format!("--models_output_filename: {why}"));
    artifact::write(&models, &mut bytes).map_err(|error| refuse(error.to_string()))?;
    dfp_storage::atomic_write::write_private(path, &bytes)
        .map_err(|error| refuse(error.to_string()))
}
