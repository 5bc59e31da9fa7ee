//! Times: datetime, and parts of a time.

use super::{Inputs, Op, RowOp};
use crate::document::Keys;
use crate::error::FeatureError;
use arrow_array::cast::AsArray;
use arrow_array::types::{TimestampMicrosecondType, TimestampNanosecondType};
use arrow_array::{ArrayRef, Float64Array, Int64Array, TimestampNanosecondArray};
use arrow_schema::{DataType, TimeUnit};
use dfp_logs::texts;
use dfp_logs::time::{self, TimeFormats};
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};
use std::f64::consts::TAU;
use std::path::Path;
use std::sync::Arc;

/// Texts or numbers become times.
#[derive(Debug)]
struct Datetime {
    formats: TimeFormats,
}

pub(super) fn datetime(keys: &Keys<'_, '_>, _: &Path) -> Option<Op> {
    let formats = time_formats(keys);
    // Files of earlier versions have it: rows without a time were learnt as those of one day.
    if keys.choice("unreadable", &[("missing", false), ("epoch", true)]) == Some(true) {
        keys.wrong_value(
            "unreadable",
            "a time that cannot be read is missing, never 1970; leave the key out",
        );
    }
    Some(Op::Row(Arc::new(Datetime { formats: formats? })))
}

impl RowOp for Datetime {
    fn time_formats(&self) -> Option<&TimeFormats> {
        Some(&self.formats)
    }

    fn make(&self, inputs: &Inputs<'_>) -> Result<Vec<ArrayRef>, FeatureError> {
        let array = inputs.first().array();
        let times = match array.data_type() {
            DataType::Timestamp(..) => instants(&array)?,
            _ => inputs.first().texts()?.each(|text| self.formats.nanoseconds(text)),
        };
        let unreadable = times.iter().filter(|time| time.is_none()).count();
        let missing = arrow_array::Array::logical_null_count(&array);
        inputs.tell_cells(unreadable.saturating_sub(missing), "readable time");
        Ok(vec![Arc::new(TimestampNanosecondArray::from(times).with_timezone("UTC"))])
    }
}

/// Nanoseconds since 1970 of a column of times; what is text is read as ISO 8601.
pub fn instants(array: &ArrayRef) -> Result<Vec<Option<i64>>, FeatureError> {
    Ok(match array.data_type() {
        DataType::Timestamp(TimeUnit::Nanosecond, _) => {
            array.as_primitive::<TimestampNanosecondType>().iter().collect()
        }
        DataType::Timestamp(TimeUnit::Microsecond, _) => array
            .as_primitive::<TimestampMicrosecondType>()
            .iter()
            .map(|time| time?.checked_mul(1_000))
            .collect(),
        DataType::Timestamp(_, zone) => {
            let to = DataType::Timestamp(TimeUnit::Nanosecond, zone.clone());
            let cast = arrow_cast::cast(array, &to)?;
            cast.as_primitive::<TimestampNanosecondType>().iter().collect()
        }
        _ => {
            let batch =
                arrow_array::RecordBatch::try_from_iter_with_nullable([("", array.clone(), true)])?;
            let formats = TimeFormats::default();
            super::Cells::of(&batch, "").texts()?.each(|text| formats.nanoseconds(text))
        }
    })
}

/// A part of a time.
#[derive(Debug)]
struct Part {
    part: TimePart,
    form: Form,
    zone: TimeZone,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum TimePart {
    Hour,
    Minute,
    Weekday,
    Day,
    Month,
    Date,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Number,
    Category,
    Cyclic,
}

const WEEKDAYS: [&str; 7] =
    ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

pub(super) fn part(keys: &Keys<'_, '_>, _: &Path) -> Option<Op> {
    use TimePart::{Date, Day, Hour, Minute, Month, Weekday};
    if !keys.has("part") {
        keys.wrong("key \"part\" is missing: hour, minute, weekday, day, month or date");
    }
    let part = keys.choice(
        "part",
        &[
            ("hour", Hour),
            ("minute", Minute),
            ("weekday", Weekday),
            ("day", Day),
            ("month", Month),
            ("date", Date),
        ],
    );
    let forms = [("number", Form::Number), ("category", Form::Category), ("cyclic", Form::Cyclic)];
    let form = keys.choice("as", &forms);
    if part == Some(Date) && form.is_some() {
        keys.wrong_value("as", "a date is always a text; leave it out");
    }
    let zone = match keys.text("zone").map(|text| time::zone(&text)) {
        Some(Err(why)) => {
            keys.wrong_value("zone", &why);
            return None;
        }
        Some(Ok(zone)) => zone,
        None => TimeZone::UTC,
    };
    Some(Op::Row(Arc::new(Part { part: part?, form: form.unwrap_or(Form::Number), zone })))
}

impl RowOp for Part {
    fn suffixes(&self) -> &'static [&'static str] {
        match self.form {
            Form::Cyclic => &["_sin", "_cos"],
            _ => &[""],
        }
    }

    fn make(&self, inputs: &Inputs<'_>) -> Result<Vec<ArrayRef>, FeatureError> {
        let times = instants(&inputs.first().array())?;
        let civil = times.into_iter().map(|time| {
            let instant = Timestamp::from_nanosecond(i128::from(time?)).ok()?;
            Some(Zoned::new(instant, self.zone.clone()).datetime())
        });
        Ok(match (self.part, self.form) {
            (TimePart::Date, _) => {
                vec![texts::collect(civil.map(|time| time.map(|time| time.date().to_string())))?]
            }
            (_, Form::Number) => {
                vec![Arc::new(civil.map(|time| Some(self.number(time?))).collect::<Int64Array>())]
            }
            (_, Form::Category) => {
                vec![texts::collect(civil.map(|time| Some(self.text(time?))))?]
            }
            (_, Form::Cyclic) => {
                let angles: Vec<Option<f64>> =
                    civil.map(|time| Some(self.share(time?) * TAU)).collect();
                let of = |function: fn(f64) -> f64| -> ArrayRef {
                    Arc::new(
                        angles.iter().map(|angle| angle.map(function)).collect::<Float64Array>(),
                    )
                };
                vec![of(f64::sin), of(f64::cos)]
            }
        })
    }
}

impl Part {
    fn number(&self, time: DateTime) -> i64 {
        match self.part {
            TimePart::Hour => time.hour().into(),
            TimePart::Minute => time.minute().into(),
            TimePart::Weekday => time.weekday().to_monday_zero_offset().into(),
            TimePart::Day | TimePart::Date => time.day().into(),
            TimePart::Month => time.month().into(),
        }
    }

    fn text(&self, time: DateTime) -> String {
        let number = self.number(time);
        match self.part {
            TimePart::Weekday => {
                let at = usize::try_from(number).unwrap_or_default();
                WEEKDAYS[at % WEEKDAYS.len()].to_owned()
            }
            _ => format!("{number:02}"),
        }
    }

    /// Which share of its circle has passed. The time of a day and of an hour is exact to the second.
    fn share(&self, time: DateTime) -> f64 {
        let seconds = f64::from(time.second());
        let minutes = f64::from(time.minute()) + seconds / 60.0;
        match self.part {
            TimePart::Hour => (f64::from(time.hour()) + minutes / 60.0) / 24.0,
            TimePart::Minute => minutes / 60.0,
            TimePart::Weekday => self.number(time) as f64 / 7.0,
            TimePart::Day | TimePart::Date => {
                f64::from(time.day() - 1) / f64::from(time.days_in_month())
            }
            TimePart::Month => f64::from(time.month() - 1) / 12.0,
        }
    }
}

/// Reads `formats` and `zone`.
pub(crate) fn time_formats(keys: &Keys<'_, '_>) -> Option<TimeFormats> {
    let formats = keys.texts("formats").unwrap_or_default();
    let zone = keys.text("zone");
    match TimeFormats::new(&formats, None) {
        Err(why) => keys.wrong_value("formats", &why),
        Ok(_) => match TimeFormats::new(&formats, zone.as_deref()) {
            Ok(read) => return Some(read),
            Err(why) => keys.wrong_value("zone", &why),
        },
    }
    None
}

#[cfg(test)]
mod tests {
    use super::super::tests::{made, noted, refused, texts_of};
    use super::*;

    /// 2022-08-01 was a Monday; Oslo was two hours ahead.
    const TIMES: (&str, &[Option<&str>]) =
        ("t", &[Some("2022-08-01T06:00:00Z"), Some("2022-08-07T23:30:00Z"), Some("x"), None]);

    #[test]
    fn parts_as_numbers_and_texts() {
        for (part, zone, number, text) in [
            ("hour", "UTC", ["6", "23"], ["06", "23"]),
            ("hour", "Europe/Oslo", ["8", "1"], ["08", "01"]),
            ("minute", "UTC", ["0", "30"], ["00", "30"]),
            ("weekday", "UTC", ["0", "6"], ["Monday", "Sunday"]),
            ("weekday", "Europe/Oslo", ["0", "0"], ["Monday", "Monday"]),
            ("day", "UTC", ["1", "7"], ["01", "07"]),
            ("month", "UTC", ["8", "8"], ["08", "08"]),
        ] {
            for (form, expected) in [("number", number), ("category", text)] {
                let column = format!(
                    "name = 'b'\nop = 'part'\nof = 't'\npart = '{part}'\nas = '{form}'\nzone = '{zone}'"
                );
                let expected = [Some(expected[0]), Some(expected[1]), None, None];
                assert_eq!(
                    texts_of(&made(&column, &[TIMES]), "b"),
                    expected,
                    "{part} {zone} {form}"
                );
            }
        }
        let dates = made("name = 'b'\nop = 'part'\nof = 't'\npart = 'date'", &[TIMES]);
        assert_eq!(texts_of(&dates, "b"), [Some("2022-08-01"), Some("2022-08-07"), None, None]);
    }

    #[test]
    fn six_in_the_morning_is_a_quarter_of_the_circle() {
        let batch =
            made("name = 'h'\nop = 'part'\nof = 't'\npart = 'hour'\nas = 'cyclic'", &[TIMES]);
        let of = |name: &str| {
            let array = batch.column_by_name(name).unwrap();
            array.as_primitive::<arrow_array::types::Float64Type>().value(0)
        };
        assert!((of("h_sin") - 1.0).abs() < 1e-12 && of("h_cos").abs() < 1e-12);
    }

    #[test]
    fn a_time_that_cannot_be_read_is_missing() {
        let (batch, notes) = noted("name = 'b'\nop = 'datetime'\nof = 't'", &[TIMES]);
        assert_eq!(
            texts_of(&batch, "b"),
            [Some("2022-08-01T06:00:00Z"), Some("2022-08-07T23:30:00Z"), None, None]
        );
        assert_eq!(notes, ["1 cell of column \"t\" is no readable time and counts as missing"]);
        assert_eq!(
            refused("name = 'b'\nop = 'datetime'\nof = 't'\nunreadable = 'epoch'"),
            [
                "f.toml line 6: column \"b\": unreadable: a time that cannot be read is missing, never 1970; leave the key out"
            ]
        );
    }

    #[test]
    fn what_is_no_part_or_zone_is_refused() {
        assert_eq!(
            refused("name = 'b'\nop = 'part'\nof = 't'\npart = 'hours'\nzone = 'Oslo'"),
            [
                "f.toml line 6: column \"b\": part: \"hours\" is not one of hour, minute, weekday, day, month, date; did you mean \"hour\"",
                "f.toml line 7: column \"b\": zone: there is no time zone \"Oslo\"; expected a name like \"Europe/Oslo\", or an offset like \"+02:00\""
            ]
        );
    }
}
