use super::*;
use crate::logs::ReadOptions;
use ::parquet::arrow::ArrowWriter;
use arrow_array::{
    BooleanArray, Int32Array, Int64Array, ListArray, StringArray, StructArray,
    TimestampMillisecondArray,
};
use arrow_schema::Field;

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
    let printed = super::super::union::print(&column.values).unwrap();
    let cells = texts::TextCells::of(&printed).unwrap();
    cells.iter().map(|text| text.unwrap_or("-").to_owned()).collect()
}

fn read_some(content: Content, columns: Option<&[String]>) -> Result<FileTable<Cells>, IoError> {
    let options = ReadOptions { columns, ..ReadOptions::default() };
    let wanted = Wanted { dialect: &crate::logs::table::DIALECT, options: &options };
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
        ("list", "[1, ] - []"),
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
    let printed = plain(&list, false).unwrap();
    let cells = texts::TextCells::of(&printed).unwrap();
    assert_eq!(cells.get(0), Some("[1970-01-01T00:00:00Z, ]"));
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
    let table =
        read(content, Path::new("a.parquet"), &|name| name != "c7", &|name| name == last).unwrap();
    assert_eq!(table.columns.len(), MAX_COLUMNS + 1);
    assert_eq!(table.columns[MAX_COLUMNS].name, last);
    assert_eq!(table.skipped.totals(), "3 values");
}
