//! Logs in object stores and on web servers.

#[cfg(feature = "remote")]
mod servers;
#[cfg(feature = "remote")]
mod stores;

#[cfg(not(feature = "remote"))]
#[test]
fn an_address_is_refused_by_a_build_without_clients() {
    let place = crate::place::Place::new();
    place.write("train.csv", crate::place::log(&["ann"], 60));
    let ended = place.morpheus(
        "run pipeline-ae --userid_column_name=userName from-cloudtrail --input_glob=s3://logs/*.csv \
         train-ae --train_epochs=1 --seed=1 --train_data_glob=train.csv preprocess inf-pytorch \
         add-scores serialize to-file --filename=out.csv",
    );
    assert_eq!(ended.code, 2);
    assert_eq!(
        ended.messages(),
        "error: this build reads local files only: \"s3://logs/*.csv\"; expected a local path, or a \
         program built with `cargo build --release --features remote`\n"
    );
}
