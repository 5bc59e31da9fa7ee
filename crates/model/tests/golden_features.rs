//! Type decisions, vocabularies, scalers and encoded tables against the recorded ones.
#[expect(dead_code, reason = "this binary uses a part of the helper")]
mod common;

#[test]
fn golden_tables_are_read_with_the_recorded_types() {
    let train = common::golden_table("features/train.csv");
    assert_eq!(train.num_rows(), 300);
}
