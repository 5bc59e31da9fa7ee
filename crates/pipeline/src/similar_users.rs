//! Users whose names differ by case or blanks only: with many services they are one account.

use dfp_engine::{Reporter, Weight};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use xxhash_rust::xxh3::xxh3_64;

/// The users that were met, by what is left of their names.
#[derive(Debug, Default)]
pub struct Alike {
    first: HashMap<u64, Arc<str>>,
    /// Those that differ from the first one by case or blanks only.
    others: HashSet<Arc<str>>,
    example: Option<[Arc<str>; 2]>,
    reported: bool,
}

impl Alike {
    /// Notes a user, who may have been met before.
    pub fn meet(&mut self, user: &Arc<str>) {
        let name = user.trim();
        let plain = |c: char| c.is_ascii() && !c.is_ascii_uppercase();
        let hash = match name.chars().all(plain) {
            true => xxh3_64(name.as_bytes()),
            false => xxh3_64(name.to_lowercase().as_bytes()),
        };
        let first = self.first.entry(hash).or_insert_with(|| Arc::clone(user));
        if first != user && self.others.insert(Arc::clone(user)) {
            self.example.get_or_insert_with(|| [Arc::clone(first), Arc::clone(user)]);
        }
    }

    /// Says once that there are such users in what is read for `purpose`. More may come.
    pub fn report(&mut self, column: &str, purpose: &str, reporter: &dyn Reporter) {
        let Some([a, b]) = self.example.as_ref().filter(|_| !self.reported) else { return };
        let count = self.others.len();
        let text = format!(
            "{purpose}: {count} {} so far from another one by case or blanks only, as {b:?} from {a:?}; if they are one account, make the user column of {column:?} by the operations lowercase and trim of a feature file (docs/features.md)",
            if count == 1 { "user differs" } else { "users differ" }
        );
        reporter.say(Weight::Warning, &text);
        self.reported = true;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_that_differ_by_case_or_blanks_are_counted() {
        let mut alike = Alike::default();
        for user in ["ana", "Ana", " ana", "bo", "Åsa", "åsa", "an a", "Ana", "ana"] {
            alike.meet(&Arc::from(user));
        }
        assert_eq!(alike.others.len(), 3);
        assert_eq!(alike.example, Some(["ana".into(), "Ana".into()]));
    }
}
