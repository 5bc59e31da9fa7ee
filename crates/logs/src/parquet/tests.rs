use super::*;
use crate::ReadOptions;
use crate::projection::Wanted;
use crate::texts;
use ::parquet::arrow::ArrowWriter;
use arrow_array::types::Int32Type;
use arrow_array::{
    BooleanArray, Decimal128Array, DictionaryArray, Float64Array, Int32Array, Int64Array,
    ListArray, MapArray, StringArray, StructArray, TimestampMillisecondArray,
};
use arrow_schema::Field;
use std::sync::Arc;

fn table() -> RecordBatch {
    let city: ArrayRef = Arc::new(StringArray::from(vec![Some("Oslo"), Some("Lyon"), None]));
    let place = StructArray::new(
        vec![Field::new("city", DataType::Utf8, true)].into(),
        vec![city],
        Some(vec![true, false, true].into()),
    );
    let list = ListArray::from_iter_primitive::<arrow_array::types::Int32Type, _, _>([
        Some(vec![Some(1), None]),
        None,
        Some(vec![]),
    ]);
    RecordBatch::try_from_iter_with_nullable([
        ("n", Arc::new(Int32Array::from(vec![1, 2, 3])) as ArrayRef, true),
        ("gaps", Arc::new(Int64Array::from(vec![Some(5), None, Some(7)])), true),
        ("flag", Arc::new(BooleanArray::from(vec![true, false, true])), true),
        ("place", Arc::new(place), true),
        (
            "when",
            Arc::new(TimestampMillisecondArray::from(vec![0, 1, 2]).with_timezone("UTC")),
            true,
        ),
        ("list", Arc::new(list), true),
    ])
    .unwrap()
}

fn bytes() -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, table().schema(), None).unwrap();
    writer.write(&table()).unwrap();
    writer.close().unwrap();
    bytes
}

fn texts(column: &Column) -> Vec<String> {
    let printed = super::super::concat::print(&column.values).unwrap();
    let cells = texts::TextCells::of(&printed).unwrap();
    cells.iter().map(|text| text.unwrap_or("-").to_owned()).collect()
}

fn read_some(content: Content, columns: Option<&[String]>) -> Result<FileTable<Cells>, LogError> {
    let options = ReadOptions { columns, ..ReadOptions::default() };
    let wanted = Wanted { dialect: &crate::table::DIALECT, options: &options };
    read(content, Path::new("a.parquet"), &wanted, u64::MAX)
}

#[test]
fn columns_have_the_types_of_the_other_formats() {
    let content = Content::from(bytes());
    let all = ["n", "gaps", "place.city", "when", "list"].map(str::to_owned);
    let table = read_some(content, Some(&all)).unwrap().finish().unwrap();
    let columns: Vec<_> =
        table.columns.iter().map(|c| (c.name.as_str(), texts(c).join(" "))).collect();
    let want = [
        ("n", "1 2 3"),
        ("gaps", "5.0 - 7.0"),
        ("place.city", "Oslo - -"),
        (
            "when",
            "1970-01-01 00:00:00+00:00 1970-01-01 00:00:00.001000+00:00 1970-01-01 00:00:00.002000+00:00",
        ),
        ("list", "[1, None] - []"),
    ];
    assert_eq!(columns, want.map(|(name, cells)| (name, cells.to_owned())));
    assert_eq!(table.positions, [0, 1, 2]);
}

#[test]
fn a_broken_file_is_an_error() {
    let bytes = bytes();
    for cut in [4, 5, bytes.len() / 2, bytes.len() - 1] {
        let error = read_some(bytes[..cut].to_vec().into(), None);
        assert!(error.is_err_and(|e| e.to_string().contains("a complete Parquet file")), "{cut}");
    }
}

#[test]
fn what_the_reader_panics_at_costs_the_file_and_no_more() {
    let floats: ArrayRef = Arc::new(arrow_array::Float64Array::from(vec![0.5]));
    let table = RecordBatch::try_from_iter([("x", floats)]).unwrap();
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, table.schema(), None).unwrap();
    writer.write(&table).unwrap();
    writer.close().unwrap();
    let mut told = String::new();
    for at in 0..bytes.len() {
        let mut broken = bytes.clone();
        broken[at] ^= 2;
        if let Err(error) = read_some(broken.into(), None) {
            told += &error.to_string();
        }
    }
    assert!(told.contains("FloatingPoint type with precision"), "{told}");
}

#[test]
fn times_inside_lists_are_printed_whatever_their_zone() {
    let times = TimestampMillisecondArray::from(vec![Some(0), None]).with_timezone("Europe/Oslo");
    let field = Field::new("item", times.data_type().clone(), true);
    let list = ListArray::new(
        Arc::new(field),
        arrow_buffer::OffsetBuffer::from_lengths([2]),
        Arc::new(times),
        None,
    );
    let list: ArrayRef = Arc::new(list);
    let printed = plain("when", &list, &Types::default(), false).unwrap();
    let cells = texts::TextCells::of(&printed).unwrap();
    assert_eq!(cells.get(0), Some("['1970-01-01 00:00:00+00:00', None]"));
}

fn identifiers(values: ArrayRef) -> String {
    let values = plain("id", &values, &Types::default(), true).unwrap();
    let cells = texts::TextCells::of(&values).unwrap();
    cells.iter().map(|text| text.unwrap_or("-")).collect::<Vec<_>>().join(" ")
}

#[test]
fn identifiers_keep_every_digit_whatever_they_are_stored_as() {
    let large = 72_057_594_038_135_103_i64;
    assert_eq!(
        identifiers(Arc::new(Int64Array::from(vec![Some(large), None]))),
        format!("{large} -")
    );
    let floats = Float64Array::from(vec![Some(123_456_789_012.0), Some(5.0), Some(0.5), None]);
    assert_eq!(identifiers(Arc::new(floats)), "123456789012 5 0.5 -");
    let keys: DictionaryArray<Int32Type> = vec!["007", "8"].into_iter().collect();
    assert_eq!(identifiers(Arc::new(keys)), "007 8");
    let decimal = |values: Vec<Option<i128>>, scale| {
        Arc::new(Decimal128Array::from(values).with_precision_and_scale(38, scale).unwrap())
    };
    assert_eq!(
        identifiers(decimal(vec![Some(18_446_744_073_709_551_617), None], 0)),
        "18446744073709551617 -"
    );
    assert_eq!(identifiers(decimal(vec![Some(700), Some(1_250)], 2)), "7 12.5");
    let unsigned = arrow_array::UInt64Array::from(vec![Some(u64::MAX), None]);
    assert_eq!(identifiers(Arc::new(unsigned)), format!("{} -", u64::MAX));
    let bytes = arrow_array::BinaryArray::from(vec![&b"ana"[..], &b"\xff"[..]]);
    assert_eq!(identifiers(Arc::new(bytes)), "ana ff");
}

#[test]
fn integers_with_gaps_are_doubles_only_where_those_are_the_same_numbers() {
    let kind = |values: Vec<Option<i64>>| {
        let values: ArrayRef = Arc::new(Int64Array::from(values));
        plain("n", &values, &Types::default(), false).unwrap().data_type().clone()
    };
    assert_eq!(kind(vec![Some(5), None]), DataType::Float64);
    assert_eq!(kind(vec![Some((1 << 53) + 1), None]), DataType::Int64);
    assert_eq!(kind(vec![Some((1 << 53) + 1)]), DataType::Int64);
}

#[test]
fn lists_and_maps_are_printed_as_python_does() {
    let mut lists =
        arrow_array::builder::ListBuilder::new(arrow_array::builder::StringBuilder::new());
    lists.append_value([Some("a"), None, Some("it's")]);
    lists.append_value(Vec::<Option<&str>>::new());
    let print = |values: ArrayRef| {
        let values = plain("x", &values, &Types::default(), false).unwrap();
        let cells = texts::TextCells::of(&values).unwrap();
        cells.iter().map(|text| text.unwrap_or("-")).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(print(Arc::new(lists.finish())), r#"['a', None, "it's"] []"#);
    let map = MapArray::new_from_strings(
        ["a", "b"].into_iter(),
        &Int32Array::from(vec![Some(1), None]),
        &[0, 2],
    );
    assert_eq!(print(Arc::new(map.unwrap())), "{'a': 1, 'b': None}");
    let flags = BooleanArray::from(vec![Some(false), None]);
    assert_eq!(print(Arc::new(flags)), "False -");
}

#[test]
fn columns_that_nobody_asked_for_are_left_out_beyond_the_limit() {
    let cell: ArrayRef = Arc::new(arrow_array::BooleanArray::from(vec![true]));
    let names = (0..MAX_COLUMNS + 5).map(|i| format!("c{i}"));
    let rows = RecordBatch::try_from_iter(names.map(|name| (name, Arc::clone(&cell)))).unwrap();
    let mut writer =
        ::parquet::arrow::ArrowWriter::try_new(Vec::new(), rows.schema(), None).unwrap();
    writer.write(&rows).unwrap();
    let content = writer.into_inner().unwrap().into();
    let last = format!("c{}", MAX_COLUMNS + 4);
    let asked = [last.clone()];
    let options = ReadOptions { asked: &asked, ..ReadOptions::default() };
    let wanted = Wanted { dialect: &crate::table::DIALECT, options: &options };
    let table = read(content, Path::new("a.parquet"), &wanted, u64::MAX).unwrap();
    assert_eq!(table.columns.len(), MAX_COLUMNS + 1);
    assert_eq!(table.columns[MAX_COLUMNS].name, last);
    assert_eq!(table.skipped.totals(), "4 values");
}

#[test]
fn a_time_of_no_calendar_costs_its_own_row() {
    let days = arrow_array::Date32Array::from(vec![0, i32::MAX]);
    let times = TimestampMillisecondArray::from(vec![i64::MAX, 0]);
    let rows = RecordBatch::try_from_iter([
        ("when", Arc::new(times) as ArrayRef),
        ("day", Arc::new(days) as ArrayRef),
    ]);
    let rows = rows.unwrap();
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, rows.schema(), None).unwrap();
    writer.write(&rows).unwrap();
    writer.close().unwrap();
    let table = read_some(bytes.into(), None).unwrap().finish().unwrap();
    assert_eq!(
        texts(&table.columns[0]),
        ["9223372036854775807 ms since 1970", "1970-01-01 00:00:00"]
    );
    assert_eq!(texts(&table.columns[1]), ["1970-01-01", "2147483647 days since 1970"]);
}

#[test]
fn a_text_that_every_row_repeats_does_not_fill_the_memory() {
    let text = "x".repeat(10_000);
    let large = arrow_array::LargeStringArray::from(vec![text.as_str(); 5_000]);
    let inner: ArrayRef = Arc::new(StringArray::from(vec![text.as_str(); 5_000]));
    let inner =
        StructArray::new(vec![Field::new("text", DataType::Utf8, true)].into(), vec![inner], None);
    let bytes = arrow_array::BinaryArray::from_vec(vec![text.as_bytes(); 5_000]);
    let mut list =
        arrow_array::builder::ListBuilder::new(arrow_array::builder::StringBuilder::new());
    for _ in 0..5_000 {
        list.append_value([Some(&text)]);
    }
    let file = |columns: Vec<(&str, ArrayRef)>| {
        let rows = RecordBatch::try_from_iter(columns).unwrap();
        let mut bytes = Vec::new();
        let mut writer = ArrowWriter::try_new(&mut bytes, rows.schema(), None).unwrap();
        writer.write(&rows).unwrap();
        writer.close().unwrap();
        assert!(bytes.len() < 300_000, "{}", bytes.len());
        bytes
    };
    let options = ReadOptions::default();
    let wanted = Wanted { dialect: &crate::table::DIALECT, options: &options };
    let path = Path::new("a.parquet");
    let in_parts = |bytes: Vec<u8>| {
        let mut parts = Rows::open(bytes.into(), path, &wanted, 1_000_000).unwrap();
        while parts.meet(&wanted).unwrap().is_some() {}
        let mut counts = Vec::new();
        while let Some(table) = parts.next(&wanted).unwrap() {
            counts.push(table.positions.len());
        }
        counts
    };
    // As codes they are no larger than in the file.
    let codes = file(vec![
        ("large", Arc::new(large) as ArrayRef),
        ("inner", Arc::new(inner) as ArrayRef),
        ("bytes", Arc::new(bytes)),
    ]);
    let table = read(codes.clone().into(), path, &wanted, 1_000_000).unwrap().finish().unwrap();
    assert_eq!(table.positions.len(), 5_000);
    for column in &table.columns {
        let cells = texts::TextCells::of(&column.values).unwrap();
        assert_eq!((cells.get(0), cells.get(4_999)), (Some(text.as_str()), Some(text.as_str())));
        let bytes = column.values.get_array_memory_size();
        assert!(bytes < 200_000, "{} {bytes}", column.name);
    }
    assert_eq!(in_parts(codes), [5_000]);
    // What is never read as codes comes in parts by what it takes.
    let list = file(vec![("list", Arc::new(list.finish()))]);
    let error = read(list.clone().into(), path, &wanted, 20_000_000).unwrap_err();
    assert!(matches!(error, LogError::Memory { .. }), "{error}");
    let counts = in_parts(list);
    assert_eq!(counts.iter().sum::<usize>(), 5_000);
    assert!(counts.iter().all(|rows| rows * text.len() < 2_000_000), "{counts:?}");
}
