//! Which texts a categorical feature knows, and their codes.

use super::OTHER;
use super::cells::each_text;
use crate::heap::Heap;
use arrow_array::Array;
use hashbrown::{DefaultHashBuilder, HashTable};
use serde::{Deserialize, Serialize};
use std::hash::BuildHasher;

/// The kept texts; a text's position is its code, the number of texts is the code of `_other`.
#[derive(Clone, Serialize, Deserialize)]
#[serde(try_from = "Vec<String>", into = "Vec<String>")]
pub(super) struct Vocabulary {
    texts: Vec<String>,
    index: HashTable<u32>,
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

    pub(super) fn code(&self, text: &str) -> u32 {
        let hash = self.hasher.hash_one(text);
        let known = self.index.find(hash, |&code| self.texts[code as usize] == text);
        known.copied().unwrap_or_else(|| self.other())
    }

    /// The text of a code; [`OTHER`] for any code that has none.
    pub(super) fn text(&self, code: u32) -> &str {
        self.texts.get(code as usize).map_or(OTHER, String::as_str)
    }
}

impl Heap for Vocabulary {
    fn heap(&self) -> usize {
        self.texts.heap() + self.index.allocation_size()
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
        Ok(Self { texts, index, hasher })
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

/// The distinct texts of a column and how often each occurs, commonest first, equal counts in
/// order of first appearance.
pub(super) fn count_texts(array: &dyn Array) -> Vec<(&str, usize)> {
    let hasher = DefaultHashBuilder::default();
    let mut index: HashTable<usize> = HashTable::new();
    let mut distinct: Vec<&str> = Vec::new();
    let mut counts: Vec<usize> = Vec::new();
    let intern = |text| {
        let hash = hasher.hash_one(text);
        if let Some(&slot) = index.find(hash, |&slot| distinct[slot] == text) {
            return Some(slot);
        }
        let slot = distinct.len();
        distinct.push(text);
        index.insert_unique(hash, slot, |&slot| hasher.hash_one(distinct[slot]));
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
    let mut counted: Vec<(&str, usize)> = distinct.into_iter().zip(counts).collect();
    counted.sort_by_key(|&(_, count)| std::cmp::Reverse(count));
    counted
}
