//! Suppression rules: a file, each rule with an author, a reason and an end.

use arrow_array::RecordBatch;
use dfp_engine::{Reporter, Weight};
use dfp_features::derive::Cells;
use dfp_features::document::{Item, Keys, Mistakes};
use dfp_features::period;
use dfp_features::users::named;
use dfp_logs::columns::missing_column;
use ipnet::IpNet;
use regex::Regex;
use std::net::IpAddr;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use toml::de::DeTable;

/// Why rows cannot be held against rules.
#[derive(Debug, thiserror::Error)]
pub enum AlertError {
    /// A column that a rule compares cannot be read.
    #[error(transparent)]
    Column(#[from] dfp_features::FeatureError),
}

/// Never: no row is later.
const NEVER: i64 = i64::MAX;

/// Rules in the order of their file; the first that applies to a row counts.
#[derive(Debug, Default)]
pub struct Rules {
    /// The rules.
    pub rules: Vec<Rule>,
    /// The file, for messages.
    name: String,
}

/// Rows that need not be told.
#[derive(Debug)]
pub struct Rule {
    /// Why.
    pub reason: String,
    /// Who says so.
    pub author: String,
    /// Nanoseconds since 1970 from which it does not hold any more, by the row's own time.
    expires: i64,
    /// Of these users; of all if there are none.
    users: Vec<String>,
    /// And only with such a value.
    cell: Option<Cell>,
    warned: AtomicBool,
}

#[derive(Debug)]
struct Cell {
    column: String,
    is: Is,
}

#[derive(Debug)]
enum Is {
    OneOf(Vec<String>),
    Like(Regex),
    In(Vec<IpNet>),
}

impl Is {
    fn holds(&self, text: &str) -> bool {
        match self {
            Self::OneOf(values) => values.iter().any(|value| value == text),
            Self::Like(pattern) => pattern.is_match(text),
            Self::In(networks) => text.trim().parse::<IpAddr>().is_ok_and(|address| {
                let address = address.to_canonical();
                networks.iter().any(|network| network.contains(&address))
            }),
        }
    }
}

/// What the rules say of the rows of a message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Held {
    /// The rule that applies to each row.
    pub applies: Vec<Option<usize>>,
    /// The rule that would apply, had it not expired, where none does.
    pub expired: Vec<Option<usize>>,
}

impl Rules {
    /// The columns that they look at.
    pub fn columns(&self) -> impl Iterator<Item = String> {
        self.rules.iter().filter_map(|rule| Some(rule.cell.as_ref()?.column.clone()))
    }

    /// Reads a file of rules.
    ///
    /// # Errors
    /// Every mistake, with file, line, key and what would be accepted.
    pub fn read(path: &Path) -> Result<Self, Vec<String>> {
        let name = path.display().to_string();
        match std::fs::read_to_string(path) {
            Ok(text) => Self::parse(&name, &text),
            Err(error) => Err(vec![format!("cannot read {name:?}: {error}")]),
        }
    }

    /// Reads the text of the file called `name`.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn parse(name: &str, text: &str) -> Result<Self, Vec<String>> {
        let mistakes = Mistakes::new(name, text);
        let (document, errors) = DeTable::parse_recoverable(text);
        for error in &errors {
            let at = error.span().map_or(0, |span| span.start);
            mistakes.add_broken(at, error.message());
        }
        let mut rules = Vec::new();
        if errors.is_empty() {
            let keys = Keys::new(document.get_ref(), String::new(), 0, &mistakes);
            for item in keys.items("suppress", false) {
                if let Item::Table(keys) = item {
                    rules.extend(rule(keys));
                }
            }
            if rules.is_empty() && !keys.has("suppress") {
                keys.wrong("there is no rule; write [[suppress]] with author, reason and expires, and user, feature or both");
            }
            keys.finish();
        }
        let told = mistakes.told();
        if told.is_empty() { Ok(Self { rules, name: name.to_owned() }) } else { Err(told) }
    }

    /// Holds the rules against the rows of one user, with their times.
    ///
    /// # Errors
    /// A column cannot be read as text.
    pub fn hold(
        &self,
        user: &str,
        rows: &RecordBatch,
        times: &[i64],
        reporter: &dyn Reporter,
    ) -> Result<Held, AlertError> {
        let mut reading =
            Held { applies: vec![None; rows.num_rows()], expired: vec![None; rows.num_rows()] };
        for (number, rule) in self.rules.iter().enumerate() {
            if !rule.users.is_empty() && !rule.users.iter().any(|name| named(name) == Some(user)) {
                continue;
            }
            let fits = self.fitting(rule, rows, reporter)?;
            for (row, _) in fits.iter().enumerate().filter(|(_, fits)| **fits) {
                let of = match times[row] < rule.expires {
                    true => &mut reading.applies[row],
                    false => &mut reading.expired[row],
                };
                of.get_or_insert(number);
            }
        }
        for (applies, expired) in reading.applies.iter().zip(&mut reading.expired) {
            *expired = expired.filter(|_| applies.is_none());
        }
        Ok(reading)
    }

    /// The rows with a value that the rule is about.
    fn fitting(
        &self,
        rule: &Rule,
        rows: &RecordBatch,
        reporter: &dyn Reporter,
    ) -> Result<Vec<bool>, AlertError> {
        let Some(cell) = &rule.cell else { return Ok(vec![true; rows.num_rows()]) };
        let schema = rows.schema();
        if schema.index_of(&cell.column).is_err() && !rule.warned.swap(true, Ordering::Relaxed) {
            let what = format!(
                "column of rule {:?} of {}, which suppresses nothing:",
                rule.reason, self.name
            );
            reporter.say(Weight::Warning, &missing_column(&what, &cell.column, &schema));
        }
        let texts = Cells::of(rows, &cell.column).texts()?;
        let holds = texts.each(|text| Some(cell.is.holds(text)));
        Ok(holds.into_iter().map(Option::unwrap_or_default).collect())
    }
}

impl Rule {
    /// The rule as messages and the column `suppressed` have it.
    pub fn in_words(&self) -> String {
        format!("{} ({})", self.reason, self.author)
    }
}

/// `None` if something is wrong, which has been told.
fn rule(keys: Keys<'_, '_>) -> Option<Rule> {
    let reason = keys.required("reason", "why these rows are suppressed");
    let author = keys.required("author", "who says so");
    let expires = keys
        .required(
            "expires",
            "a date or time from which the rule does not hold any more, or \"never\"",
        )
        .and_then(|text| end(&keys, &text));
    let users = keys.texts("user");
    let column = keys.text("feature");
    let mut tests = Vec::new();
    if let Some(values) = keys.texts("value") {
        tests.push(Is::OneOf(values));
    }
    if let Some(pattern) = keys.text("matches") {
        match Regex::new(&format!("^(?:{pattern})$")) {
            Ok(pattern) => tests.push(Is::Like(pattern)),
            Err(why) => {
                keys.wrong_value("matches", &format!("{pattern:?} is no regular expression: {why}"))
            }
        }
    }
    if let Some(texts) = keys.texts("addresses") {
        tests.push(Is::In(networks(&keys, &texts)));
    }
    let asked = ["value", "matches", "addresses"].into_iter().filter(|key| keys.has(key)).count();
    let cell = match (column, tests.pop()) {
        (Some(column), Some(is)) => Some(Cell { column, is }),
        (Some(_), None) if asked == 0 => {
            keys.wrong("feature needs value, matches or addresses as well");
            None
        }
        (None, Some(_)) => {
            keys.wrong("value, matches and addresses need the feature that they are of");
            None
        }
        _ => None,
    };
    if asked > 1 {
        keys.wrong("value, matches and addresses exclude one another; write a rule for each");
    }
    if asked == 0 && !keys.has("feature") && users.is_none() && !keys.has("user") {
        keys.wrong("it would suppress every alert; name a user, a feature, or both");
    }
    let all = (reason, author, expires);
    keys.finish();
    let (Some(reason), Some(author), Some(expires)) = all else { return None };
    let users = users.unwrap_or_default();
    Some(Rule { reason, author, expires, users, cell, warned: AtomicBool::new(false) })
}

fn end(keys: &Keys<'_, '_>, text: &str) -> Option<i64> {
    if text.eq_ignore_ascii_case("never") {
        return Some(NEVER);
    }
    let end = period::instant(text).and_then(|time| time.checked_mul(1_000));
    if end.is_none() {
        keys.wrong_value(
            "expires",
            &format!("{text:?} is not a time; expected a date or time such as 2024-01-31 or 2024-01-31T08:00:00Z, or never"),
        );
    }
    end
}

/// Networks, and single addresses.
fn networks(keys: &Keys<'_, '_>, texts: &[String]) -> Vec<IpNet> {
    let mut networks = Vec::new();
    for text in texts {
        match text.parse().or_else(|_| text.parse::<IpAddr>().map(IpNet::from)) {
            Ok(network) => networks.push(network),
            Err(_) => keys.wrong_value(
                "addresses",
                &format!("{text:?} is no address; expected 10.0.0.0/8, 192.0.2.7, 2001:db8::/32"),
            ),
        }
    }
    networks
}

#[cfg(test)]
mod tests;
