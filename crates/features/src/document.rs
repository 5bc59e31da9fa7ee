//! A TOML document as it was typed: keys are asked for by name, and whatever is wrong is told with
//! file, line, key and what would be accepted, all mistakes together.

use dfp_storage::nearest;
use std::cell::RefCell;
use std::ops::Range;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// Characters shown of a line that is no TOML.
const LONGEST_SHOWN: usize = 60;

/// What is wrong with a document, with the place in its text.
pub struct Mistakes<'t> {
    name: &'t str,
    text: &'t str,
    found: RefCell<Vec<(usize, String)>>,
}

impl<'t> Mistakes<'t> {
    /// No mistake yet in this text of the file called `name`.
    pub fn new(name: &'t str, text: &'t str) -> Self {
        Self { name, text, found: RefCell::default() }
    }

    /// Adds what is wrong at a byte of the text.
    pub fn add(&self, at: usize, what: impl Into<String>) {
        self.found.borrow_mut().push((at, what.into()));
    }

    /// Adds what is no TOML at a byte of the text, with the line.
    pub fn add_broken(&self, at: usize, why: &str) {
        let begin = self.text.get(..at).and_then(|before| before.rfind('\n')).map_or(0, |n| n + 1);
        let line = self.text.get(begin..).and_then(|rest| rest.lines().next()).unwrap_or_default();
        let line: String = line.trim().chars().take(LONGEST_SHOWN).collect();
        self.add(at, format!("{line:?} is no TOML: {}", why.replace('\n', "; ")));
    }

    /// The mistakes in the order of the text, each with file and line.
    pub fn told(self) -> Vec<String> {
        let mut found = self.found.into_inner();
        found.sort_by_key(|(at, _)| *at);
        let line = |at: usize| 1 + self.text.bytes().take(at).filter(|&byte| byte == b'\n').count();
        found.iter().map(|(at, what)| format!("{} line {}: {what}", self.name, line(*at))).collect()
    }
}

/// A value and where it stands.
type Value<'t> = Spanned<DeValue<'t>>;

/// An item of a list.
pub enum Item<'a, 't> {
    /// A table.
    Table(Keys<'a, 't>),
    /// A text, and the byte at which it stands.
    Text(String, usize),
}

/// The keys of a table. One that nobody asks for is a mistake.
pub struct Keys<'a, 't> {
    table: &'a DeTable<'t>,
    /// What messages call the table; empty for the document itself.
    place: String,
    at: usize,
    asked: RefCell<Vec<&'static str>>,
    mistakes: &'a Mistakes<'t>,
}

impl<'a, 't> Keys<'a, 't> {
    /// The keys of `table`, which begins at a byte of the text.
    pub fn new(
        table: &'a DeTable<'t>,
        place: String,
        at: usize,
        mistakes: &'a Mistakes<'t>,
    ) -> Self {
        Self { table, place, at, asked: RefCell::default(), mistakes }
    }

    /// The byte of the text at which the table begins.
    pub fn at(&self) -> usize {
        self.at
    }

    /// Messages from now on call the table so.
    pub fn call(&mut self, place: String) {
        self.place = place;
    }

    /// Adds what is wrong with the table as a whole.
    pub fn wrong(&self, what: &str) {
        self.tell(self.at, what);
    }

    /// Adds what is wrong with the value of a key.
    pub fn wrong_value(&self, key: &str, what: &str) {
        let at = self.table.get(key).map_or(self.at, |value| value.span().start);
        self.tell(at, &format!("{key}: {what}"));
    }

    fn tell(&self, at: usize, what: &str) {
        let colon = if self.place.is_empty() { "" } else { ": " };
        self.mistakes.add(at, format!("{}{colon}{what}", self.place));
    }

    fn get(&self, key: &'static str) -> Option<&'a Value<'t>> {
        let mut asked = self.asked.borrow_mut();
        if !asked.contains(&key) {
            asked.push(key);
        }
        self.table.get(key)
    }

    /// Whether the key is there; it counts as asked for.
    pub fn has(&self, key: &'static str) -> bool {
        self.get(key).is_some()
    }

    fn refuse<T>(&self, key: &str, value: &DeValue<'_>, accepted: &str) -> Option<T> {
        self.wrong_value(key, &format!("{} is not {accepted}", shown(value)));
        None
    }

    /// A text that is not empty.
    pub fn text(&self, key: &'static str) -> Option<String> {
        let value = self.get(key)?.get_ref();
        match value.as_str() {
            Some(text) if !text.is_empty() => Some(text.to_owned()),
            _ => self.refuse(key, value, "a text, such as \"name\""),
        }
    }

    /// A text that may be empty.
    pub fn any_text(&self, key: &'static str) -> Option<String> {
        let value = self.get(key)?.get_ref();
        match value.as_str() {
            Some(text) => Some(text.to_owned()),
            _ => self.refuse(key, value, "a text"),
        }
    }

    /// A text that has to be there.
    pub fn required(&self, key: &'static str, meaning: &str) -> Option<String> {
        if self.table.get(key).is_none() {
            self.get(key);
            self.wrong(&format!("key {key:?} is missing: {meaning}"));
            return None;
        }
        self.text(key)
    }

    /// One text, or a list of texts.
    pub fn texts(&self, key: &'static str) -> Option<Vec<String>> {
        let value = self.get(key)?.get_ref();
        let texts: Option<Vec<String>> = match value {
            DeValue::String(text) => Some(vec![text.to_string()]),
            DeValue::Array(items) => {
                items.iter().map(|item| item.get_ref().as_str().map(str::to_owned)).collect()
            }
            _ => None,
        };
        match texts {
            Some(texts) if !texts.is_empty() && texts.iter().all(|text| !text.is_empty()) => {
                Some(texts)
            }
            _ => self.refuse(key, value, "a text or a list of texts, such as [\"a\", \"b\"]"),
        }
    }

    /// A whole number in a range.
    pub fn integer(&self, key: &'static str, range: Range<i64>) -> Option<i64> {
        let value = self.get(key)?.get_ref();
        let number = value
            .as_integer()
            .and_then(|number| i64::from_str_radix(number.as_str(), number.radix()).ok());
        match number.filter(|number| range.contains(number)) {
            Some(number) => Some(number),
            None => {
                let accepted = format!("a whole number from {} to {}", range.start, range.end - 1);
                self.refuse(key, value, &accepted)
            }
        }
    }

    /// Yes or no; no if it is not there.
    pub fn yes(&self, key: &'static str) -> bool {
        let Some(value) = self.get(key) else { return false };
        match value.get_ref() {
            DeValue::Boolean(yes) => *yes,
            other => self.refuse::<bool>(key, other, "true or false").unwrap_or_default(),
        }
    }

    /// One of these words.
    pub fn choice<T: Copy>(&self, key: &'static str, words: &[(&str, T)]) -> Option<T> {
        let text = self.text(key)?;
        let found = words.iter().find(|(word, _)| *word == text);
        if found.is_none() {
            self.wrong_value(key, &unknown(&text, words.iter().map(|(word, _)| *word)));
        }
        found.map(|(_, meaning)| *meaning)
    }

    /// The items of a list: tables, and texts if `texts` may stand for them.
    pub fn items(&self, key: &'static str, texts: bool) -> Vec<Item<'a, 't>> {
        let Some(value) = self.get(key) else { return Vec::new() };
        let DeValue::Array(items) = value.get_ref() else {
            self.refuse::<()>(key, value.get_ref(), &format!("a list; write [[{key}]]"));
            return Vec::new();
        };
        let mut read = Vec::with_capacity(items.len());
        for item in items.iter() {
            let at = item.span().start;
            match item.get_ref() {
                DeValue::Table(table) => {
                    read.push(Item::Table(Keys::new(table, key.to_owned(), at, self.mistakes)));
                }
                DeValue::String(text) if texts && !text.is_empty() => {
                    read.push(Item::Text(text.to_string(), at));
                }
                other => self.tell(at, &format!("{key}: {} is not a table of keys", shown(other))),
            }
        }
        read
    }

    /// The keys of a table inside this one; `None` if the value is something else.
    pub fn table(&self, key: &'static str) -> Option<Keys<'a, 't>> {
        let value = self.get(key)?;
        let table = value.get_ref().as_table()?;
        Some(Keys::new(table, key.to_owned(), value.span().start, self.mistakes))
    }

    /// Tells the keys that nobody has asked for.
    pub fn finish(self) {
        let asked = self.asked.borrow();
        for (key, _) in self.table.iter().filter(|(key, _)| {
            let key: &str = key.get_ref();
            !asked.contains(&key)
        }) {
            let name: &str = key.get_ref();
            let known = asked.iter().copied();
            self.tell(key.span().start, &format!("there is no key {}", unknown_key(name, known)));
        }
    }
}

fn unknown_key<'k>(name: &str, known: impl Iterator<Item = &'k str> + Clone) -> String {
    match nearest(name, known.clone()) {
        Some(near) => format!("{name:?}; did you mean {near:?}"),
        None => format!("{name:?}; expected {}", known.collect::<Vec<_>>().join(", ")),
    }
}

/// "… is not one of …", with the nearest word.
pub fn unknown<'k>(text: &str, known: impl Iterator<Item = &'k str> + Clone) -> String {
    let all: Vec<&str> = known.clone().collect();
    match nearest(text, known) {
        Some(near) => {
            format!("{text:?} is not one of {}; did you mean {near:?}", all.join(", "))
        }
        None => format!("{text:?} is not one of {}", all.join(", ")),
    }
}

fn shown(value: &DeValue<'_>) -> String {
    match value {
        DeValue::String(text) => format!("{text:?}"),
        DeValue::Integer(number) => format!("\"{}\"", number.as_str()),
        DeValue::Float(number) => format!("\"{}\"", number.as_str()),
        DeValue::Boolean(yes) => format!("\"{yes}\""),
        DeValue::Datetime(_) => "a date".to_owned(),
        DeValue::Array(_) => "a list".to_owned(),
        DeValue::Table(_) => "a table".to_owned(),
    }
}
