//! Those of the commands over a store of models, and of models that are learnt into one.

use super::checks::Check::{self, In};

const VERSIONS: &str = "cli/tests/cli/store/versions.rs";
const TRAINING: &str = "cli/tests/cli/store/training.rs";
const STREAM: &str = "cli/tests/cli/store/stream.rs";
const KEPT: &str = "what_was_trained_once_is_kept_and_scores_as_it_did";
const CARE: &str = "versions_are_promoted_taken_back_looked_at_and_cleared_up";
const INTO_A_STORE: &str = "versions_are_learnt_from_what_streams_by";
const SOMEBODY_ELSE: &str = "everyones_model_has_the_name_that_is_asked_for";
const TOO_LARGE: &str = "a_model_file_beyond_the_limit_is_refused";
const CHOSEN: &str = "logs_features_and_scorers_are_chosen";
const LIVE: &str = "a_promoted_version_is_used_while_the_program_runs";
const IDENTITY: &str = "cli/tests/cli/file_identity.rs";

/// The check of an option.
pub fn check(place: &str, option: &str) -> Option<Check> {
    Some(match (place, option) {
        ("train", "input" | "store" | "userid_column_name") => In(VERSIONS, KEPT, "train(&place"),
        (
            "train",
            "train_users" | "only_user" | "skip_user" | "min_history" | "max_history" | "json",
        ) => In(
            TRAINING,
            "who_is_trained_is_chosen_and_told",
            "--train_users=generic --max_history=10d --json=all.json",
        ),
        ("train", "min_increment" | "retrain_every" | "history_dir") => {
            In(TRAINING, "histories_are_kept_from_run_to_run", "--retrain_every=2d")
        }
        ("train" | "score", "rebuild_state") => {
            In(IDENTITY, "a_history_learns_a_log_once_and_is_rebuilt", "--rebuild_state")
        }
        ("score", "drop_duplicates") => {
            In(IDENTITY, "a_history_learns_a_log_once_and_is_rebuilt", "--drop_duplicates")
        }
        ("train", "promote" | "seed") => In(VERSIONS, CARE, "--seed=7 --promote=always"),
        ("train", "held_out") => In(TRAINING, "a_new_model_earns_its_place", "--held_out=0.3"),
        (
            "train" | "score",
            "source" | "features" | "columns_file" | "timestamp_column_name" | "compute_threads",
        ) => In(TRAINING, CHOSEN, "--source=file --features=features.toml"),
        ("train" | "score", "scorer") => In(TRAINING, CHOSEN, "--scorer=peer"),
        ("train" | "score", "strict") => In(TRAINING, CHOSEN, "{line} --strict"),
        ("train", "generic_rows") => In(TRAINING, CHOSEN, "--generic_rows=310"),
        ("score", "input" | "store" | "userid_column_name") => {
            In(VERSIONS, KEPT, "score --store=other")
        }
        ("score", "output" | "overwrite") => In(TRAINING, CHOSEN, "--output=one.csv --overwrite"),
        ("score", "userid_filter") => {
            In(VERSIONS, "a_version_is_exported_for_other_tools", "--userid_filter={user}")
        }
        ("score" | "train-ae", "model_cache") => {
            In("registry/src/library/cache.rs", "models_that_do_not_fit_are_read_again", "memory")
        }
        ("score" | "train-ae", "model_refresh") => In(VERSIONS, LIVE, "--model_refresh=1h"),
        ("score", "state_dir" | "watch_directory") => {
            In(VERSIONS, LIVE, "--watch_directory --state_dir=state")
        }
        ("train-ae", "train_continuously" | "train_every") => {
            In(STREAM, INTO_A_STORE, "--train_continuously --train_every=2d")
        }
        ("train" | "score" | "train-ae" | "explain", "generic_user") => {
            In(VERSIONS, SOMEBODY_ELSE, "--generic_user=everyone")
        }
        (
            "train" | "score" | "train-ae" | "explain" | "show" | "diff" | "promote" | "rollback"
            | "verify",
            "model_file_limit",
        ) => In(VERSIONS, TOO_LARGE, "--model_file_limit=1"),
        ("train-ae", "train_min_increment" | "train_promote") => {
            In(STREAM, "models_are_learnt_from_what_streams_by", "--train_min_increment=40")
        }
        ("train-ae", "model_store") => In(VERSIONS, KEPT, "--model_store=other"),
        ("list", "store" | "all") => In(VERSIONS, CARE, "states(&place"),
        ("show", "store" | "json") => In(VERSIONS, CARE, "--json=show.json"),
        ("show", "version") | ("promote", "version" | "store") => In(VERSIONS, CARE, "--version=1"),
        ("rollback", "store") => In(VERSIONS, CARE, "models rollback {user} --store=store"),
        ("verify", "store") => In(VERSIONS, CARE, "models verify --store=store"),
        ("prune", "store" | "keep" | "dry_run") => In(VERSIONS, CARE, "--keep=0 --dry_run"),
        ("prune", "older_than") => In(VERSIONS, CARE, "--older_than=1h"),
        ("list", "json") => In(TRAINING, CHOSEN, "--json=list.json"),
        ("diff", "store") => In(VERSIONS, CARE, "models diff {user} 1 3 --store=store"),
        ("diff", "json") => In(TRAINING, CHOSEN, "--json=diff.json"),
        ("export", _) => {
            In(VERSIONS, "a_version_is_exported_for_other_tools", "--npz=m.npz --overwrite")
        }
        _ => return None,
    })
}
