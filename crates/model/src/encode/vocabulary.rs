//! Which texts a categorical feature knows, and their codes.

use super::OTHER;
use super::canonical::canonical;
use super::cells::each_text;
use crate::memory_size::Heap;
use arrow_array::Array;
use hashbrown::{DefaultHashBuilder, HashMap, HashTable};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::hash::BuildHasher;

/// The kept texts; a text's position is its code, the number of texts is the code of `_other`.
#[derive(Clone, Serialize, Deserialize)]
#[serde(try_from = "Vec<String>", into = "Vec<String>")]
pub(super) struct Vocabulary {
    texts: Vec<String>,
    index: HashTable<u32>,
    /// Codes by what models learn now, where a model of earlier versions has learnt another form.
    learnt_as: HashMap<String, u32>,
    // Keyed anew in every process: whoever writes the logs cannot make texts collide.
    hasher: DefaultHashBuilder,
}

impl Vocabulary {
    /// Number of codes, `_other` included.
    pub(super) fn codes(&self) -> usize {
        self.texts.len() + 1
    }

    /// The code of a missing, unseen or dropped text.
    pub(super) fn other(&self) -> u32 {
        self.texts.len() as u32
    }

    /// The kept texts, in the order of their codes.
    pub(super) fn texts(&self) -> &[String] {
        &self.texts
    }

    /// The code of a text: as it is written, else as models learn it.
    pub(super) fn code(&self, text: &str) -> u32 {
        if let Some(code) = self.find(text) {
            return code;
        }
        let Some(learnt) = canonical(text) else { return self.other() };
        let known = if *learnt == *text { None } else { self.find(&learnt) };
        known.or_else(|| self.learnt_as.get(&*learnt).copied()).unwrap_or_else(|| self.other())
    }

    fn find(&self, text: &str) -> Option<u32> {
        let hash = self.hasher.hash_one(text);
        self.index.find(hash, |&code| self.texts[code as usize] == text).copied()
    }

    /// The text of a code; [`OTHER`] for any code that has none.
    pub(super) fn text(&self, code: u32) -> &str {
        self.texts.get(code as usize).map_or(OTHER, String::as_str)
    }
}

impl Heap for Vocabulary {
    fn heap(&self) -> usize {
        let others: usize = self.learnt_as.keys().map(Heap::heap).sum();
        self.texts.heap() + self.index.allocation_size() + self.learnt_as.allocation_size() + others
    }
}

impl TryFrom<Vec<String>> for Vocabulary {
    type Error = String;

    fn try_from(texts: Vec<String>) -> Result<Self, Self::Error> {
        if u32::try_from(texts.len()).is_err() {
            return Err(format!("{} categories are more than a code can count", texts.len()));
        }
        let hasher = DefaultHashBuilder::default();
        let mut index = HashTable::with_capacity(texts.len());
        for (code, text) in (0_u32..).zip(&texts) {
            let hash = hasher.hash_one(text.as_str());
            if index.find(hash, |&c: &u32| texts[c as usize] == *text).is_some() {
                return Err(format!("category {text:?} appears twice"));
            }
            index.insert_unique(hash, code, |&c| hasher.hash_one(texts[c as usize].as_str()));
        }
        let mut vocabulary = Self { texts, index, learnt_as: HashMap::new(), hasher };
        for code in 0..vocabulary.other() {
            let learnt = canonical(&vocabulary.texts[code as usize]).map(Cow::into_owned);
            if let Some(learnt) = learnt.filter(|learnt| vocabulary.find(learnt).is_none()) {
                vocabulary.learnt_as.entry(learnt).or_insert(code);
            }
        }
        Ok(vocabulary)
    }
}

impl From<Vocabulary> for Vec<String> {
    fn from(vocabulary: Vocabulary) -> Self {
        vocabulary.texts
    }
}

impl std::fmt::Debug for Vocabulary {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.texts.fmt(f)
    }
}

impl PartialEq for Vocabulary {
    fn eq(&self, other: &Self) -> bool {
        self.texts == other.texts
    }
}

/// The distinct texts of a column, as they are learnt, and how often each occurs, commonest first, equal
/// counts in order of first appearance.
pub(super) fn count_texts(array: &dyn Array) -> Vec<(Cow<'_, str>, usize)> {
    let hasher = DefaultHashBuilder::default();
    let mut index: HashTable<usize> = HashTable::new();
    let mut distinct: Vec<Cow<'_, str>> = Vec::new();
    let mut counts: Vec<usize> = Vec::new();
    let intern = |text| {
        let text = canonical(text)?;
        let hash = hasher.hash_one(&*text);
        if let Some(&slot) = index.find(hash, |&slot| distinct[slot] == text) {
            return Some(slot);
        }
        let slot = distinct.len();
        distinct.push(text);
        index.insert_unique(hash, slot, |&slot| hasher.hash_one(&*distinct[slot]));
        Some(slot)
    };
    each_text(array, None, intern, |_, slot| {
        if let Some(slot) = slot {
            if slot == counts.len() {
                counts.push(0);
            }
            counts[slot] += 1;
        }
    });
    let mut counted: Vec<(Cow<'_, str>, usize)> = distinct.into_iter().zip(counts).collect();
    counted.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    counted
}
