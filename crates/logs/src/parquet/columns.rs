//! The columns of a Parquet file: members of structs are columns `outer.inner`.

use crate::file_table::Column;
use ::parquet::arrow::ProjectionMask;
use ::parquet::arrow::arrow_reader::ArrowReaderMetadata;
use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef};
use arrow_buffer::NullBuffer;
use arrow_schema::{DataType, Field};
use std::ops::Range;
use std::sync::Arc;

/// The columns of which anything is wanted.
pub(super) fn mask(
    metadata: &ArrowReaderMetadata,
    wanted: &dyn Fn(&str) -> bool,
) -> ProjectionMask {
    let fields = metadata.schema().fields().iter().enumerate();
    let roots = fields.filter(|(_, field)| any_wanted(field.name(), field, wanted));
    ProjectionMask::roots(metadata.parquet_schema(), roots.map(|(root, _)| root))
}

fn any_wanted(name: &str, field: &Field, wanted: &dyn Fn(&str) -> bool) -> bool {
    match field.data_type() {
        DataType::Struct(members) => members
            .iter()
            .any(|member| any_wanted(&format!("{name}.{}", member.name()), member, wanted)),
        _ => wanted(name),
    }
}

/// Calls `each` with every column's name.
pub(super) fn each_column(name: &str, field: &Field, each: &mut dyn FnMut(&str)) {
    match field.data_type() {
        DataType::Struct(members) => {
            for member in members {
                each_column(&format!("{name}.{}", member.name()), member, each);
            }
        }
        _ => each(name),
    }
}

/// Where in the file the columns of the mask are.
pub(super) fn ranges(
    metadata: &ArrowReaderMetadata,
    mask: &ProjectionMask,
    groups: &[usize],
) -> Vec<Range<u64>> {
    let groups = groups.iter().map(|group| metadata.metadata().row_group(*group));
    let chunks = groups.flat_map(|group| group.columns().iter().enumerate());
    let wanted = chunks.filter(|(leaf, _)| mask.leaf_included(*leaf));
    wanted
        .filter_map(|(_, chunk)| {
            let begin = chunk.dictionary_page_offset().unwrap_or(chunk.data_page_offset());
            let begin = u64::try_from(begin).ok()?;
            Some(begin..begin.checked_add(u64::try_from(chunk.compressed_size()).ok()?)?)
        })
        .collect()
}

/// The column, or those of its members; what is missing in a struct is missing in its members.
pub(super) fn flatten(
    name: &str,
    values: &ArrayRef,
    outer: Option<&NullBuffer>,
    wanted: &dyn Fn(&str) -> bool,
    columns: &mut Vec<Column>,
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    if let Some(members) = values.as_struct_opt() {
        let outer = NullBuffer::union(outer, values.nulls());
        for (field, member) in members.fields().iter().zip(members.columns()) {
            flatten(&format!("{name}.{}", field.name()), member, outer.as_ref(), wanted, columns)?;
        }
    } else if wanted(name) {
        if *values.data_type() == DataType::Null {
            columns.push(Column { name: name.to_owned(), values: Arc::clone(values) });
            return Ok(());
        }
        let nulls = NullBuffer::union(outer, values.logical_nulls().as_ref());
        let data = values.to_data().into_builder().nulls(nulls).build()?;
        columns.push(Column { name: name.to_owned(), values: arrow_array::make_array(data) });
    }
    Ok(())
}
