//! Columns of text. The values of logs repeat: each distinct text is kept once, and rows hold its
//! number (an Arrow dictionary). A column whose texts are nearly all different is plain text.

mod column;
mod join;

pub use column::{TextCells, dictionary, is_text};
pub(crate) use join::{Cells, join};

use crate::error::LogError;
use arrow_array::{Array, ArrayRef, DictionaryArray, Int32Array, StringArray};
use arrow_buffer::{BooleanBuffer, Buffer, NullBuffer, OffsetBuffer};
use hashbrown::{DefaultHashBuilder, HashTable};
use std::borrow::Cow;
use std::hash::{BuildHasher, Hasher};
use std::sync::Arc;

/// A text column of these cells.
///
/// # Errors
/// The texts exceed 2 GiB.
pub fn collect<T: AsRef<str>>(
    cells: impl Iterator<Item = Option<T>>,
) -> Result<ArrayRef, LogError> {
    let mut texts = Texts::default();
    for cell in cells {
        texts.push(cell.as_ref().map(|text| text.as_ref().as_bytes()));
    }
    texts.finish()
}

/// A column with the texts that its rows have, and no others.
///
/// # Errors
/// The texts exceed 2 GiB.
pub(crate) fn compact(array: ArrayRef) -> Result<ArrayRef, LogError> {
    let Some(TextCells::Dictionary(keys, texts)) = TextCells::of(&array) else { return Ok(array) };
    let mut numbers = vec![MISSING; texts.len()];
    let mut kept = Texts::default();
    let mut own = Vec::with_capacity(keys.len());
    for key in keys {
        own.push(key.map_or(MISSING, |key| {
            let number = &mut numbers[key as usize];
            if *number == MISSING {
                *number = kept.keep(texts.value(key as usize).as_bytes());
            }
            *number
        }));
    }
    let nulls = take_nulls(&mut own);
    kept.dictionary(own, nulls)
}

/// The number of a missing text.
const MISSING: i32 = -1;
/// Rows and bytes that a new column has room for: logs have many short columns.
const ROOM: usize = 64;
/// Up to this many kept texts are looked through one by one.
const FEW: usize = 8;
/// With this many distinct texts, and whenever they have doubled, it is asked whether they repeat.
const FIRST_LOOK: usize = 3072;

/// A text column in the making. Its form depends on the cells alone.
#[derive(Clone, Debug)]
pub(crate) struct Texts {
    /// The number of each row's text.
    keys: Vec<i32>,
    /// The kept texts, UTF-8, one behind the other.
    bytes: Vec<u8>,
    /// Where each kept text begins, and where a further one would.
    offsets: Vec<i32>,
    /// The kept texts by their hashes, if they are more than a few.
    index: HashTable<i32>,
    hasher: DefaultHashBuilder,
    /// The text that was met last: logs repeat themselves.
    last: Last,
    next_look: usize,
    /// Every row's text is kept, even if there is the same one already.
    plain: bool,
    /// There were more texts than an array can hold.
    full: bool,
}

#[derive(Clone, Copy, Debug)]
struct Last {
    key: i32,
    begin: usize,
    end: usize,
}

impl Default for Texts {
    fn default() -> Self {
        Self::missing(0)
    }
}

impl Texts {
    /// A column whose first `rows` have no text.
    pub(crate) fn missing(rows: usize) -> Self {
        let mut keys = Vec::with_capacity(rows + ROOM);
        keys.resize(rows, MISSING);
        Self {
            keys,
            bytes: Vec::with_capacity(ROOM),
            offsets: offsets(),
            index: HashTable::new(),
            hasher: DefaultHashBuilder::default(),
            last: Last { key: MISSING, begin: 0, end: 0 },
            next_look: FIRST_LOOK,
            plain: false,
            full: false,
        }
    }

    /// Rows so far.
    pub(crate) fn len(&self) -> usize {
        self.keys.len()
    }

    /// Bytes that the column takes.
    pub(crate) fn memory(&self) -> usize {
        let numbers = self.keys.capacity() + self.offsets.capacity();
        numbers * size_of::<i32>() + self.bytes.capacity() + self.index.allocation_size()
    }

    /// Whether no row has a text.
    pub(crate) fn all_missing(&self) -> bool {
        self.kept() == 0
    }

    /// Rows with a text.
    pub(crate) fn present(&self) -> usize {
        self.keys.iter().filter(|key| **key != MISSING).count()
    }

    fn kept(&self) -> usize {
        self.offsets.len() - 1
    }

    /// The first texts that are kept.
    pub(crate) fn first(&self, most: usize) -> impl Iterator<Item = &str> {
        let ends = self.offsets.windows(2).take(most);
        ends.filter_map(|at| str::from_utf8(&self.bytes[at[0] as usize..at[1] as usize]).ok())
    }

    /// Makes room for more rows.
    pub(crate) fn reserve(&mut self, rows: usize) {
        self.keys.reserve(rows);
    }

    /// Fills up with rows without a text.
    pub(crate) fn pad(&mut self, rows: usize) {
        self.keys.resize(rows.max(self.keys.len()), MISSING);
    }

    /// Appends a row; its text has to be UTF-8.
    #[inline]
    pub(crate) fn push(&mut self, text: Option<&[u8]>) {
        let key = match text {
            None => MISSING,
            Some(text)
                if self.last.key != MISSING
                    && self.bytes[self.last.begin..self.last.end] == *text =>
            {
                self.last.key
            }
            Some(text) => self.other(text),
        };
        self.keys.push(key);
    }

    /// The number of a text that is not the last one.
    fn other(&mut self, text: &[u8]) -> i32 {
        if self.plain {
            return self.keep(text);
        }
        let (hash, found) = self.find(text);
        let key = match found {
            Some(key) => key,
            None => {
                self.look();
                if self.plain {
                    return self.keep(text);
                }
                self.insert(hash, text)
            }
        };
        if key == MISSING {
            return key;
        }
        self.last = span(&self.offsets, key);
        key
    }

    /// The number of a text, and its hash if that was needed.
    fn find(&self, text: &[u8]) -> (Option<u64>, Option<i32>) {
        if self.kept() <= FEW {
            return (None, (0..self.kept() as i32).find(|&key| self.text(key) == text));
        }
        let hash = hash(&self.hasher, text);
        (Some(hash), self.index.find(hash, |&key| self.text(key) == text).copied())
    }

    fn insert(&mut self, hash: Option<u64>, text: &[u8]) -> i32 {
        let key = self.keep(text);
        if key == MISSING {
            return key;
        }
        let Self { index, hasher, bytes, offsets, .. } = self;
        let hash_of = |&key: &i32| {
            let Last { begin, end, .. } = span(offsets, key);
            self::hash(hasher, &bytes[begin..end])
        };
        if let Some(hash) = hash {
            index.insert_unique(hash, key, hash_of);
        } else if key as usize >= FEW {
            for key in 0..=key {
                index.insert_unique(hash_of(&key), key, hash_of);
            }
        }
        key
    }

    /// Keeps a text behind the others.
    fn keep(&mut self, text: &[u8]) -> i32 {
        let key = self.kept() as i32;
        match i32::try_from(self.bytes.len() + text.len()) {
            Ok(end) if key < i32::MAX => {
                self.bytes.extend_from_slice(text);
                self.offsets.push(end);
                key
            }
            _ => {
                self.full = true;
                MISSING
            }
        }
    }

    fn text(&self, key: i32) -> &[u8] {
        let Last { begin, end, .. } = span(&self.offsets, key);
        &self.bytes[begin..end]
    }

    /// Becomes plain if the texts hardly repeat.
    fn look(&mut self) {
        if self.kept() < self.next_look {
            return;
        }
        self.next_look *= 2;
        let texts = self.keys.iter().filter(|&&key| key != MISSING).count();
        if 4 * self.kept() > 3 * texts {
            self.make_plain();
        }
    }

    fn make_plain(&mut self) {
        let kept = std::mem::take(self);
        (self.plain, self.full) = (true, kept.full);
        self.keys.reserve(kept.keys.len());
        self.append_each(&kept);
    }

    fn append_each(&mut self, other: &Self) {
        for &key in &other.keys {
            self.push((key != MISSING).then(|| other.text(key)));
        }
    }

    /// The same rows with each text replaced; of texts that repeat each is looked at once.
    pub(crate) fn replace<'t>(&'t self, replacement: impl Fn(&'t [u8]) -> Cow<'t, [u8]>) -> Self {
        let mut texts = Self { plain: self.plain, full: self.full, ..Self::default() };
        texts.reserve(self.keys.len());
        let kept = (0..self.kept() as i32).map(|key| replacement(self.text(key)));
        if self.plain {
            let kept: Vec<_> = kept.collect();
            self.keys.iter().for_each(|key| texts.push(kept.get(*key as usize).map(AsRef::as_ref)));
        } else {
            let own = texts.numbers(kept);
            let keys = self.keys.iter().map(|key| own.get(*key as usize).copied());
            texts.keys.extend(keys.map(|key| key.unwrap_or(MISSING)));
        }
        texts
    }

    /// Appends the rows of another column; a plain one makes this one plain.
    pub(crate) fn append(&mut self, other: &Self) {
        if other.plain && !self.plain {
            self.make_plain();
        }
        self.full |= other.full;
        if self.plain {
            self.append_each(other);
        } else {
            let kept = (0..other.kept() as i32).map(|key| other.text(key));
            self.append_keys(kept, other.keys.iter().copied());
        }
    }

    /// As [`append`](Self::append) for an Arrow column.
    pub(crate) fn append_cells(&mut self, cells: TextCells<'_>) {
        match cells {
            TextCells::Dictionary(keys, texts) if !self.plain => {
                let rows = keys.iter().map(|key| key.unwrap_or(MISSING));
                self.append_keys(texts.iter().map(|t| t.unwrap_or_default().as_bytes()), rows);
            }
            cells => {
                if !self.plain {
                    self.make_plain();
                }
                cells.iter().for_each(|text| self.push(text.map(str::as_bytes)));
            }
        }
    }

    fn append_keys<'a>(
        &mut self,
        kept: impl Iterator<Item = &'a [u8]>,
        rows: impl Iterator<Item = i32>,
    ) {
        let own = self.numbers(kept);
        self.keys.extend(rows.map(|key| own.get(key as usize).copied().unwrap_or(MISSING)));
        self.look();
    }

    /// The numbers of texts, which are kept if they were not yet.
    fn numbers<T: AsRef<[u8]>>(&mut self, texts: impl Iterator<Item = T>) -> Vec<i32> {
        texts
            .map(|text| {
                let (hash, found) = self.find(text.as_ref());
                found.unwrap_or_else(|| self.insert(hash, text.as_ref()))
            })
            .collect()
    }

    /// The column.
    ///
    /// # Errors
    /// The kept texts exceed 2 GiB, or are not UTF-8.
    pub(crate) fn finish(mut self) -> Result<ArrayRef, LogError> {
        if self.full {
            return Err(LogError::table("hold a text column", &"its texts exceed 2 GiB"));
        }
        if self.plain {
            return Ok(Arc::new(self.plain_array()?));
        }
        let mut keys = std::mem::take(&mut self.keys);
        let nulls = take_nulls(&mut keys);
        self.dictionary(keys, nulls)
    }

    fn plain_array(mut self) -> Result<StringArray, LogError> {
        let missing = self.keys.contains(&MISSING);
        if missing {
            // An empty text for each row without one.
            let mut offsets = vec![0];
            offsets.reserve(self.keys.len());
            let mut end = 0;
            offsets.extend(self.keys.iter().map(|&key| {
                end = if key == MISSING { end } else { self.offsets[key as usize + 1] };
                end
            }));
            self.offsets = offsets;
        }
        let nulls = take_nulls(&mut self.keys);
        self.values(nulls)
    }

    fn values(self, nulls: Option<NullBuffer>) -> Result<StringArray, LogError> {
        let offsets = OffsetBuffer::new(self.offsets.into());
        StringArray::try_new(offsets, Buffer::from_vec(self.bytes), nulls)
            .map_err(|e| LogError::table("hold a text column", &e))
    }

    /// Rows with these numbers of the kept texts.
    fn dictionary(self, keys: Vec<i32>, nulls: Option<NullBuffer>) -> Result<ArrayRef, LogError> {
        let keys = Int32Array::new(keys.into(), nulls);
        let array = DictionaryArray::try_new(keys, Arc::new(self.values(None)?));
        Ok(Arc::new(array.map_err(|e| LogError::table("hold a text column", &e))?))
    }
}

/// Which numbers are missing, if any are; those become 0.
fn take_nulls(keys: &mut [i32]) -> Option<NullBuffer> {
    if !keys.contains(&MISSING) {
        return None;
    }
    let word = |keys: &mut [i32]| {
        let mut word = 0_u64;
        for (bit, key) in keys.iter_mut().enumerate() {
            word |= u64::from(*key >= 0) << bit;
            *key = (*key).max(0);
        }
        word
    };
    let rows = keys.len();
    nulls(keys.chunks_mut(64).map(word).collect(), rows)
}

/// The rows without a bit, if there are any.
fn nulls(valid: Vec<u64>, rows: usize) -> Option<NullBuffer> {
    let nulls = NullBuffer::new(BooleanBuffer::new(Buffer::from_vec(valid), 0, rows));
    (nulls.null_count() > 0).then_some(nulls)
}

/// The place of the first text, with room for a few more.
fn offsets() -> Vec<i32> {
    let mut offsets = Vec::with_capacity(FEW + 1);
    offsets.push(0);
    offsets
}

fn span(offsets: &[i32], key: i32) -> Last {
    let at = key as usize;
    Last { key, begin: offsets[at] as usize, end: offsets[at + 1] as usize }
}

fn hash(hasher: &DefaultHashBuilder, text: &[u8]) -> u64 {
    let mut hasher = hasher.build_hasher();
    hasher.write(text);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow_array::cast::AsArray;
    use arrow_array::types::Int32Type;
    use arrow_schema::DataType;

    #[test]
    fn replaced_texts_may_become_the_same() {
        for plain in [false, true] {
            let mut texts = Texts { plain, ..Texts::default() };
            [Some("a"), None, Some("A"), Some("a")]
                .iter()
                .for_each(|text| texts.push(text.map(str::as_bytes)));
            let replaced = texts.replace(|text| Cow::Owned(text.to_ascii_uppercase()));
            let array = replaced.finish().unwrap();
            assert_eq!(cells(&array), [Some("A"), None, Some("A"), Some("A")]);
        }
    }

    fn cells(array: &ArrayRef) -> Vec<Option<&str>> {
        TextCells::of(array).unwrap().iter().collect()
    }

    #[test]
    fn texts_that_repeat_are_kept_once() {
        let given = [Some("b"), None, Some("b"), Some("a"), Some(""), Some("b"), None];
        let array = collect(given.into_iter()).unwrap();
        assert_eq!(array.data_type(), &dictionary());
        assert_eq!(array.as_dictionary::<Int32Type>().values().len(), 3);
        assert_eq!(cells(&array), given);
        assert_eq!(collect([None::<&str>; 2].into_iter()).unwrap().null_count(), 2);
    }

    #[test]
    fn texts_that_hardly_repeat_are_plain_however_they_were_joined() {
        let given: Vec<Option<String>> =
            (0..3 * FIRST_LOOK).map(|i| (i % 7 > 0).then(|| i.to_string())).collect();
        let whole = collect(given.iter().cloned()).unwrap();
        assert_eq!(whole.data_type(), &DataType::Utf8);
        let expected: Vec<Option<&str>> = given.iter().map(Option::as_deref).collect();
        assert_eq!(cells(&whole), expected);
        for cut in [10, FIRST_LOOK, 2 * FIRST_LOOK] {
            let (mut joined, mut arrays) = (Texts::default(), Texts::default());
            for part in [&given[..cut], &given[cut..]] {
                let mut texts = Texts::default();
                part.iter().for_each(|t| texts.push(t.as_deref().map(str::as_bytes)));
                joined.append(&texts);
                arrays.append_cells(TextCells::of(&texts.finish().unwrap()).unwrap());
            }
            for array in [joined.finish().unwrap(), arrays.finish().unwrap()] {
                assert_eq!(array.data_type(), &DataType::Utf8);
                assert_eq!(cells(&array), expected);
            }
        }
    }
}
