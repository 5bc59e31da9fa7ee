//! Which version of a user is live, and which were.

use serde::{Deserialize, Serialize};
use std::fmt;

/// What a version is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Trained, and not yet promoted.
    Candidate,
    /// What rows are scored with.
    Live,
    /// Was live, or was refused.
    Retired,
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Candidate => "candidate",
            Self::Live => "live",
            Self::Retired => "retired",
        })
    }
}

/// The states of a user's versions. A version that is not named here is a candidate.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Standing {
    live: Option<u64>,
    /// Versions that were live before, the last one last: what is rolled back to.
    #[serde(default)]
    earlier: Vec<u64>,
    /// Versions that nothing goes back to.
    #[serde(default)]
    retired: Vec<u64>,
    /// Versions that are being removed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    leaving: Vec<u64>,
}

impl Standing {
    /// The live version.
    pub fn live(&self) -> Option<u64> {
        self.live
    }

    /// The version that would be live after a rollback, of those that are there.
    pub fn previous(&self, versions: &[u64]) -> Option<u64> {
        self.earlier.iter().rev().find(|version| versions.contains(version)).copied()
    }

    /// The state of a version.
    pub fn state(&self, version: u64) -> State {
        if self.live == Some(version) {
            State::Live
        } else if [&self.earlier, &self.retired, &self.leaving].iter().any(|s| s.contains(&version))
        {
            State::Retired
        } else {
            State::Candidate
        }
    }

    /// Makes a version live.
    pub fn promote(&mut self, version: u64) {
        if self.live == Some(version) {
            return;
        }
        self.forget(version);
        self.earlier.extend(self.live.replace(version));
    }

    /// Makes the last version live that was so before and is still there; `None` if there is none.
    pub fn roll_back(&mut self, versions: &[u64]) -> Option<u64> {
        let previous = self.previous(versions)?;
        let at = self.earlier.iter().rposition(|version| *version == previous)?;
        self.earlier.truncate(at);
        self.retired.extend(self.live.replace(previous));
        Some(previous)
    }

    /// Retires a version that is not live: nothing goes back to it.
    pub fn retire(&mut self, version: u64) {
        if self.live != Some(version) {
            self.forget(version);
            self.retired.push(version);
        }
    }

    /// Whether a version must stay: it is live, or would be after a rollback.
    pub fn holds(&self, version: u64, versions: &[u64]) -> bool {
        self.live == Some(version) || self.previous(versions) == Some(version)
    }

    /// Says that a version is about to be removed: it can no longer be promoted.
    pub fn let_go(&mut self, version: u64) {
        if self.live != Some(version) {
            self.forget(version);
            self.leaving.push(version);
        }
    }

    /// Whether a version is about to be removed.
    pub fn lets_go(&self, version: u64) -> bool {
        self.leaving.contains(&version)
    }

    fn forget(&mut self, version: u64) {
        self.earlier.retain(|earlier| *earlier != version);
        self.retired.retain(|retired| *retired != version);
        self.leaving.retain(|leaving| *leaving != version);
    }

    /// Forgets versions that are no longer there, so that what is said stays short.
    pub(super) fn tidy(&mut self, versions: &[u64]) {
        self.earlier.retain(|version| versions.contains(version));
        self.retired.retain(|version| versions.contains(version));
        self.leaving.retain(|version| versions.contains(version));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn back_and_forth() {
        let mut standing = Standing::default();
        assert_eq!(standing.roll_back(&[1]), None);
        standing.promote(1);
        standing.promote(2);
        standing.promote(3);
        let states = |standing: &Standing| (1..5).map(|v| standing.state(v)).collect::<Vec<_>>();
        use State::{Candidate, Live, Retired};
        assert_eq!(states(&standing), [Retired, Retired, Live, Candidate]);
        let all = [1, 2, 3, 4];
        assert_eq!(standing.roll_back(&all), Some(2));
        assert_eq!(states(&standing), [Retired, Live, Retired, Candidate]);
        // 3 was taken back: nothing goes back to it, but it can be promoted again.
        assert_eq!(standing.roll_back(&all), Some(1));
        assert_eq!(standing.roll_back(&all), None);
        standing.promote(3);
        assert_eq!(standing.previous(&all), Some(1));
        assert_eq!(standing.previous(&[3]), None);
    }

    proptest! {
        #[test]
        fn one_version_is_live_and_none_has_two_states(steps in prop::collection::vec((0..4_u8, 1..6_u64), 0..40)) {
            let mut standing = Standing::default();
            let all: Vec<u64> = (1..6).collect();
            for (what, version) in steps {
                let before = standing.live();
                match what {
                    0 => standing.promote(version),
                    1 => standing.retire(version),
                    2 => standing.let_go(version),
                    _ => drop(standing.roll_back(&all)),
                }
                prop_assert!(before.is_none() || standing.live().is_some());
                let mut named = [&standing.earlier[..], &standing.retired, &standing.leaving].concat();
                named.extend(standing.live);
                let count = named.len();
                named.sort_unstable();
                named.dedup();
                prop_assert_eq!(named.len(), count);
            }
        }
    }
}
