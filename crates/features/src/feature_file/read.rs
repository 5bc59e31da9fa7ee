//! A feature file, read and checked.

use super::{Feature, Features, Kind};
use crate::derive::{self, Column, Filter, Of, Op, time_formats};
use crate::document::{Item, Keys, Mistakes, unknown};
use crate::sources::{SOURCE_STAGES, SOURCES, Source};
use dfp_logs::EVENT_DT;
use dfp_logs::time::{TimeColumn, TimeFormats};
use dfp_model::config::Scaler;
use dfp_storage::names as paths;
use dfp_storage::nearest;
use regex::Regex;
use std::collections::HashSet;
use std::path::Path;
use toml::de::DeTable;

/// Nanoseconds of a day.
pub const DAY: i64 = 86_400_000_000_000;

/// Names and texts of the built-in feature files, one a source.
pub fn built_in() -> impl Iterator<Item = (&'static str, &'static str)> + Clone {
    SOURCES.iter().filter_map(|source| source.features)
}

/// The text of a built-in file.
///
/// # Errors
/// There is none of this name; the nearest or all are named.
pub fn built_in_text(name: &str) -> Result<&'static str, String> {
    match built_in().find(|(known, _)| *known == name) {
        Some((_, text)) => Ok(text),
        None => {
            let known = unknown(name, built_in().map(|(name, _)| name));
            Err(format!("there is no built-in feature file: {known}"))
        }
    }
}

/// A built-in file.
///
/// # Errors
/// There is none of this name.
pub fn find_built_in(name: &str) -> Result<Features, Vec<String>> {
    let text = built_in_text(name).map_err(|why| vec![why])?;
    read(name, text, Path::new(""))
}

/// What is made of a source's logs, unless a feature file says otherwise.
pub fn of_source(source: &Source) -> Features {
    let built_in = source.features.and_then(|(name, _)| find_built_in(name).ok());
    built_in.unwrap_or_else(Features::of_any_table)
}

/// Reads a file if there is one of this name, else a built-in one.
///
/// # Errors
/// Every mistake, with file, line, key and what would be accepted.
pub fn find(name: &str) -> Result<Features, Vec<String>> {
    let path = &paths::path(name);
    if !path.is_file() {
        let names: Vec<&str> = built_in().map(|(name, _)| name).collect();
        if names.contains(&name) {
            return find_built_in(name);
        }
        let near = nearest(name, names.iter().copied());
        let near = near.map(|near| format!("; did you mean {near:?}")).unwrap_or_default();
        return Err(vec![format!(
            "there is no file {name:?}; built-in feature files are {}{near}",
            names.join(", ")
        )]);
    }
    let text = std::fs::read_to_string(path)
        .map_err(|error| vec![format!("cannot read {name:?}: {error}")])?;
    let mut features = read(name, &text, path.parent().unwrap_or(Path::new("")))?;
    features.is_own = true;
    Ok(features)
}

/// Reads the text of the file called `name`. Files that it names are looked for in `folder`.
///
/// # Errors
/// Every mistake, with file, line, key and what would be accepted.
pub fn read(name: &str, text: &str, folder: &Path) -> Result<Features, Vec<String>> {
    let mistakes = Mistakes::new(name, text);
    let (document, errors) = DeTable::parse_recoverable(text);
    if !errors.is_empty() {
        for error in errors {
            let at = error.span().map_or(0, |span| span.start);
            mistakes.add_broken(at, error.message());
        }
        return Err(mistakes.told());
    }
    let keys = Keys::new(document.get_ref(), String::new(), 0, &mistakes);
    let features = File { mistakes: &mistakes, folder }.features(name, keys);
    let told = mistakes.told();
    if told.is_empty() { Ok(features) } else { Err(told) }
}

struct File<'m, 't> {
    mistakes: &'m Mistakes<'t>,
    folder: &'m Path,
}

impl<'t> File<'_, 't> {
    fn features(&self, name: &str, keys: Keys<'_, 't>) -> Features {
        let source = keys.text("source");
        if let Some(source) = &source
            && !SOURCE_STAGES.contains(&source.as_str())
        {
            keys.wrong_value("source", &unknown(source, SOURCE_STAGES.into_iter()));
        }
        let user = keys.text("user");
        let time = self.time(&keys);
        let event_id = keys.text("event_id");
        let lateness = keys.text("lateness").map(|text| duration(&text));
        let (columns, places): (Vec<Column>, Vec<usize>) =
            self.columns(&keys, time.as_ref()).into_iter().unzip();
        let rows = keys.text("rows").and_then(|text| match Filter::parse(&text) {
            Ok(filter) => Some(filter),
            Err(why) => {
                keys.wrong_value("rows", &why);
                None
            }
        });
        let features = Features {
            name: name.to_owned(),
            source,
            user,
            time,
            event_id,
            lateness: lateness.clone().and_then(Result::ok).unwrap_or(DAY),
            keep: self.keep(&keys),
            rows,
            columns,
            features: self.list(&keys),
            is_own: false,
        };
        match lateness {
            Some(Err(why)) => keys.wrong_value("lateness", &why),
            Some(Ok(_)) if !features.counts() => {
                keys.wrong_value("lateness", "no column counts events; leave it out");
            }
            _ => {}
        }
        self.check_order(&features, &places);
        self.check_uses(&features, &keys);
        keys.finish();
        features
    }

    fn time(&self, keys: &Keys<'_, 't>) -> Option<TimeColumn> {
        let Some(time) = keys.table("time") else {
            let name = keys.text("time")?;
            return Some(TimeColumn { name, formats: TimeFormats::default(), expected: true });
        };
        let name = time.required("column", "the column of event times");
        let formats = time_formats(&time);
        time.finish();
        Some(TimeColumn { name: name?, formats: formats?, expected: true })
    }

    fn keep(&self, keys: &Keys<'_, 't>) -> Option<Vec<Regex>> {
        let texts = keys.texts("keep")?;
        let mut patterns = Vec::new();
        for text in texts {
            match Regex::new(&format!("^(?:{text})")) {
                Ok(pattern) => patterns.push(pattern),
                Err(_) => keys.wrong_value(
                    "keep",
                    &format!("{text:?} is no regular expression for the beginning of a name"),
                ),
            }
        }
        Some(patterns)
    }

    /// The derived columns, and the bytes at which they begin.
    fn columns(&self, keys: &Keys<'_, 't>, time: Option<&TimeColumn>) -> Vec<(Column, usize)> {
        let mut columns: Vec<(Column, usize)> = Vec::new();
        for item in keys.items("column", false) {
            let Item::Table(keys) = item else { continue };
            let at = keys.at();
            let earlier: Vec<&Column> = columns.iter().map(|(column, _)| column).collect();
            let column = self.column(keys, time, &earlier);
            columns.extend(column.map(|column| (column, at)));
        }
        columns
    }

    fn column(
        &self,
        mut keys: Keys<'_, 't>,
        time: Option<&TimeColumn>,
        earlier: &[&Column],
    ) -> Option<Column> {
        let name = keys.required("name", "what the column is called");
        if let Some(name) = &name {
            keys.call(format!("column {name:?}"));
        }
        let only_if_used = keys.yes("only_if_used");
        let word = keys.required("op", "how the column is made")?;
        let Some(operation) = derive::OPERATIONS.iter().find(|known| known.name == word) else {
            let known = derive::OPERATIONS.iter().map(|known| known.name);
            keys.wrong_value("op", &unknown(&word, known));
            return None;
        };
        let inputs = match operation.of {
            Of::One => keys.required("of", "the column that it is made of").map(|of| vec![of]),
            Of::Several if !keys.has("of") => {
                keys.wrong("key \"of\" is missing: the columns that it is made of");
                None
            }
            Of::Several => keys.texts("of"),
            Of::Time => {
                // The reader makes a column of the times that it has read.
                let derived = time.filter(|time| earlier.iter().any(|c| c.name == time.name));
                let of_event = derived.map_or(EVENT_DT, |time| time.name.as_str());
                Some(vec![keys.text("of").unwrap_or_else(|| of_event.to_owned())])
            }
            Of::Nothing(inputs) => Some(inputs.iter().map(|&input| input.to_owned()).collect()),
        };
        let op = (operation.read)(&keys, self.folder);
        keys.finish();
        let (name, op) = (name?, op?);
        let suffixes = op.suffixes();
        let outputs = suffixes.iter().map(|suffix| format!("{name}{suffix}")).collect();
        Some(Column { name, inputs: inputs?, outputs, op, only_if_used, of_users: false })
            .map(|column| column.after(earlier))
    }

    fn list(&self, keys: &Keys<'_, 't>) -> Vec<Feature> {
        let mut features: Vec<Feature> = Vec::new();
        for item in keys.items("features", true) {
            let (feature, at) = match item {
                Item::Text(column, at) => (Some(Feature { column, kind: None, scaler: None }), at),
                Item::Table(keys) => {
                    let at = keys.at();
                    (feature(keys), at)
                }
            };
            let Some(feature) = feature else { continue };
            if features.iter().any(|known| known.column == feature.column) {
                self.mistakes.add(at, format!("feature {:?} is named twice", feature.column));
            }
            features.push(feature);
        }
        features
    }

    /// Names that clash, and columns that are used before they are made. `places` are those of the
    /// columns in the text.
    fn check_order(&self, features: &Features, places: &[usize]) {
        let mut made: HashSet<&str> = HashSet::new();
        for (at, (column, place)) in features.columns.iter().zip(places).enumerate() {
            let (before, after) = features.columns.split_at(at);
            let wrong = |what: String| {
                self.mistakes.add(*place, format!("column {:?}: {what}", column.name));
            };
            for input in &column.inputs {
                let makes = |c: &Column| c.outputs.contains(input) && !c.inputs.contains(input);
                if !made.contains(input.as_str()) && after.iter().any(makes) {
                    wrong(format!(
                        "it is made of {input:?}, which is made further down; columns are made in the order of the file"
                    ));
                }
            }
            for output in &column.outputs {
                if output == EVENT_DT {
                    wrong(format!("{EVENT_DT:?} is the reader's column of times"));
                }
                if !made.insert(output) {
                    wrong(format!("there is another column {output:?}"));
                }
                // Columns by user are made last, and would find the new one in its place.
                let other = before.iter().find(|other| other.inputs.contains(output));
                if let (true, Some(other)) = (column.inputs.contains(output), other) {
                    wrong(format!(
                        "it takes the place of a column that {:?} is made of; give it another name",
                        other.name
                    ));
                }
            }
        }
    }

    /// Users, times and rows that would depend on counts by user, and keys that nothing uses.
    fn check_uses(&self, features: &Features, keys: &Keys<'_, 't>) {
        let makes = |name: &str| {
            features.columns.iter().find(|column| column.outputs.iter().any(|made| made == name))
        };
        let of_users = |name: &str| makes(name).is_some_and(|column| column.of_users);
        if features.user.as_deref().is_some_and(of_users) {
            let why = "a column that is counted for each user cannot identify users";
            keys.wrong_value("user", why);
        }
        if let Some(column) = features.time.as_ref().and_then(|time| makes(&time.name))
            && (column.of_users || column.op.time_formats().is_none())
        {
            keys.wrong_value("time", "a derived column of times is made by op = \"datetime\"");
        }
        let read_here = |time: &TimeColumn| time.formats != TimeFormats::default();
        if features.derived_time().is_some() && features.time.as_ref().is_some_and(read_here) {
            let why = "formats and zone are for a column of the log; give them to the derived one";
            keys.wrong_value("time", why);
        }
        for name in features.rows.iter().flat_map(Filter::columns).filter(|name| of_users(name)) {
            let why = format!("{name:?} is counted for each user among the rows that are used");
            keys.wrong_value("rows", &why);
        }
    }
}

fn feature(mut keys: Keys<'_, '_>) -> Option<Feature> {
    let column = keys.required("column", "the column of the feature");
    if let Some(column) = &column {
        keys.call(format!("feature {column:?}"));
    }
    let kinds = [("number", Kind::Number), ("category", Kind::Category), ("flag", Kind::Flag)];
    let kind = keys.choice("kind", &kinds);
    let scalers = [
        ("standard", Scaler::Standard),
        ("gauss_rank", Scaler::GaussRank),
        ("modified", Scaler::Modified),
        ("none", Scaler::None),
    ];
    let scaler = keys.choice("scaler", &scalers);
    if scaler.is_some() && matches!(kind, Some(Kind::Category | Kind::Flag)) {
        keys.wrong_value("scaler", "only numbers are scaled; leave it out");
    }
    keys.finish();
    // What is scaled is a number.
    Some(Feature { column: column?, kind: kind.or(scaler.map(|_| Kind::Number)), scaler })
}

/// A length of time such as `90m`, `12h`, `1d`, in nanoseconds.
fn duration(text: &str) -> Result<i64, String> {
    let units = [("s", 1), ("m", 60), ("h", 3_600), ("d", 86_400), ("w", 604_800)];
    let read = units.iter().find_map(|(unit, seconds)| {
        let number = text.strip_suffix(unit)?.trim().parse::<u32>().ok()?;
        i64::from(number).checked_mul(seconds * 1_000_000_000)
    });
    read.ok_or_else(|| {
        format!("{text:?} is no length of time; expected a whole number and s, m, h, d or w, such as \"12h\"")
    })
}

impl Column {
    /// Notes whether it is made of columns that are counted for each user.
    fn after(mut self, earlier: &[&Self]) -> Self {
        let of_users = |input: &String| {
            earlier.iter().any(|column| column.of_users && column.outputs.contains(input))
        };
        self.of_users = matches!(self.op, Op::User(_)) || self.inputs.iter().any(of_users);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_built_in_file_is_one() {
        for (name, _) in built_in() {
            let features = find_built_in(name).unwrap();
            assert!(features.user.is_some() && !features.features.is_empty(), "{name}");
        }
    }

    #[test]
    fn columns_that_nobody_uses_are_made_only_if_asked_for() {
        let features = find_built_in("cloudtrail").unwrap();
        assert!(features.makes("actor") && !features.clone().without_unused().makes("actor"));
        let by_actor = Features { user: Some("actor".to_owned()), ..features };
        assert!(by_actor.without_unused().makes("actor_kind"));
    }

    #[test]
    fn what_is_seen_in_training_is_made_there_though_no_feature_needs_it() {
        let text =
            "user = 'u'\n[[column]]\nname = 'new'\nop = 'first_seen'\nof = 'x'\nremember = 1_000\n";
        let features = read("f.toml", text, Path::new("")).unwrap();
        assert!(features.narrowed(&[]).makes("new"));
        assert!(features.inputs_of(&[]).contains(&"x".to_owned()));
    }

    #[test]
    fn training_reads_what_its_columns_are_made_of() {
        let text = "user = 'u'\ntime = 't'\nrows = 'r == 1'\n[[column]]\nname = 'a'\nop = 'rename'\nof = 'x'\n\
                    [[column]]\nname = 'b'\nop = 'concat'\nof = ['a', 'y']\n[[column]]\nname = 'c'\nop = 'rename'\nof = 'z'\n";
        let features = read("f.toml", text, Path::new("")).unwrap();
        let mut inputs = features.inputs_of(&["b".to_owned()]);
        inputs.sort_unstable();
        assert_eq!(inputs, ["r", "t", "u", "x", "y"]);
        let narrowed = features.narrowed(&["b".to_owned()]);
        assert!(narrowed.makes("a") && narrowed.makes("b") && !narrowed.makes("c"));
    }

    #[test]
    fn the_logs_own_spelling_of_names_will_do() {
        let text = "user = 'user_name'\ntime = 't.t'\nrows = 'a.b == 1'\nfeatures = ['new_x', 'c_d']\n\
                    [[column]]\nname = 'new_x'\nop = 'rename'\nof = 'e.f'\n";
        let features = read("f.toml", text, Path::new("")).unwrap();
        let features = features.with_clean_names(|name| name.replace(['_', '.'], ""));
        assert_eq!(features.names(), ["new_x", "cd"]);
        let mut inputs = features.inputs_of(&features.names());
        inputs.sort_unstable();
        assert_eq!(inputs, ["ab", "cd", "ef", "tt", "username"]);
    }

    #[test]
    fn lengths_of_time() {
        assert_eq!(duration("90m"), Ok(DAY / 16));
        assert_eq!(duration("2w"), Ok(14 * DAY));
        assert!(duration("1.5d").is_err() && duration("-1d").is_err() && duration("d").is_err());
        // Longer than 292 years.
        assert!(duration("4000000000d").is_err());
    }

    #[test]
    fn names_that_clash_are_refused() {
        let column = |name: &str, of: &str| {
            format!("[[column]]\nname = '{name}'\nop = 'rename'\nof = '{of}'\n")
        };
        for (columns, mistake) in [
            (
                [column("a", "x"), column("a", "y")],
                "f.toml line 5: column \"a\": there is another column \"a\"",
            ),
            (
                [column("b", "a"), column("a", "a")],
                "f.toml line 5: column \"a\": it takes the place of a column that \"b\" is made of; give it another name",
            ),
            (
                [column("b", "a"), column("a", "x")],
                "f.toml line 1: column \"b\": it is made of \"a\", which is made further down; columns are made in the order of the file",
            ),
            (
                [column("event_dt", "a"), column("b", "a")],
                "f.toml line 1: column \"event_dt\": \"event_dt\" is the reader's column of times",
            ),
        ] {
            let mistakes = read("f.toml", &columns.concat(), Path::new("")).map(|_| ());
            assert_eq!(mistakes.unwrap_err(), [mistake]);
        }
        let in_place = column("a", "a") + &column("b", "a");
        assert!(read("f.toml", &in_place, Path::new("")).is_ok());
    }

    proptest! {
        #[test]
        fn any_text_is_a_file_or_has_mistakes_with_lines(
            lines in prop::collection::vec(
                prop_oneof![
                    "(name|op|of|user|time|rows|keep|features|lateness|part|to|pattern|missing|zone) = (1|true|'[a-z%(]{0,6}'|\\[\\]|\\['a', 'b'\\]|\\{ column = 'a' \\})",
                    "op = '(rename|cast|bool|datetime|part|join|concat|extract|network|agent|actor|increment|first_seen)'",
                    Just("[[column]]".to_owned()),
                    "\\PC{0,12}",
                ],
                0..12,
            )
        ) {
            if let Err(mistakes) = read("f.toml", &lines.join("\n"), Path::new("")) {
                prop_assert!(!mistakes.is_empty());
                for mistake in mistakes {
                    prop_assert!(mistake.starts_with("f.toml line "), "{}", mistake);
                }
            }
        }
    }
}
