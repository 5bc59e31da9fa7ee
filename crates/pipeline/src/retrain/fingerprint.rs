//! What a model was trained on, in 32 hexadecimal digits. With equal digests there is nothing to be
//! trained: only everyone's model, which a user leans on, may have changed since.

use arrow_array::cast::AsArray;
use arrow_array::{Array, RecordBatch};
use arrow_schema::{ArrowError, DataType};
use dfp_model::config::ModelConfig;
use xxhash_rust::xxh3::Xxh3;

/// The digest of rows, settings, and whether there is a model to lean on.
pub(super) fn digest(
    rows: &RecordBatch,
    config: &ModelConfig,
    leans: bool,
) -> Result<String, ArrowError> {
    let mut hash = Xxh3::new();
    let mut text = |text: &str| {
        hash.update(&(text.len() as u64).to_le_bytes());
        hash.update(text.as_bytes());
    };
    text(dfp_registry::SOFTWARE);
    text(&format!("{config:?}"));
    text(if leans { "leans" } else { "" });
    for (field, column) in rows.schema().fields().iter().zip(rows.columns()) {
        text(field.name());
        let kind = match column.data_type() {
            // A dictionary is that of the whole log; its texts are what counts.
            DataType::Dictionary(_, values) => values.as_ref(),
            other => other,
        };
        text(&kind.to_string());
        // Arrow does not print every time.
        let numbers = kind.is_temporal().then(|| arrow_cast::cast(column, &DataType::Int64));
        let numbers = numbers.transpose()?;
        let cells = arrow_cast::cast(numbers.as_ref().unwrap_or(column), &DataType::Utf8)?;
        for cell in cells.as_string::<i32>() {
            text(cell.map_or("", |_| "+"));
            text(cell.unwrap_or_default());
        }
    }
    Ok(format!("{:032x}", hash.digest128()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow_array::types::Int32Type;
    use arrow_array::{ArrayRef, DictionaryArray, Int64Array, StringArray};
    use std::sync::Arc;

    #[test]
    fn the_same_rows_are_the_same_however_they_are_kept() {
        let config = ModelConfig::default();
        let of = |name: &str, column: ArrayRef| {
            digest(&RecordBatch::try_from_iter([(name, column)]).unwrap(), &config, false).unwrap()
        };
        let plain = of("a", Arc::new(StringArray::from(vec![Some("x"), None, Some("")])));
        let codes: DictionaryArray<Int32Type> = [Some("x"), None, Some("")].into_iter().collect();
        assert_eq!(of("a", Arc::new(codes)), plain);
        let others: [(&str, ArrayRef); 4] = [
            ("b", Arc::new(StringArray::from(vec![Some("x"), None, Some("")]))),
            ("a", Arc::new(StringArray::from(vec![Some("x"), Some(""), None]))),
            ("a", Arc::new(StringArray::from(vec![Some("x"), None]))),
            ("a", Arc::new(Int64Array::from(vec![Some(1), None, Some(2)]))),
        ];
        for (name, column) in others {
            assert_ne!(of(name, column), plain);
        }
        let rows =
            RecordBatch::try_from_iter([("a", Arc::new(StringArray::from(vec!["x"])) as ArrayRef)])
                .unwrap();
        let seeded = ModelConfig { seed: config.seed + 1, ..config.clone() };
        assert_ne!(digest(&rows, &seeded, false).unwrap(), digest(&rows, &config, false).unwrap());
        assert_ne!(digest(&rows, &config, true).unwrap(), digest(&rows, &config, false).unwrap());
    }
}
