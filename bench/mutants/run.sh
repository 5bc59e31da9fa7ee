#!/usr/bin/env bash
# What would the unit tests of a crate let pass? Changes the crate's code in one place at a time and runs them.
#
#   bench/mutants/run.sh engine
#   bench/mutants/run.sh connectors --file crates/connectors/src/sinks/live.rs
#   bench/mutants/run.sh logs --shard 7/110 --sharding round-robin   # one mutant of 110
#
# Needs `cargo install cargo-mutants`. Keeps every mutant and what became of it in bench/mutants/CRATE.csv, and prints the
# share that was caught: `caught` and `timeout` (the tests no longer ended) of those that could be built.
set -euo pipefail
cd "$(dirname "$0")/../.."
crate=${1:?a crate: engine, logs, …}
shift
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
# 2: some were missed; 3: some took too long. Both are results.
cargo mutants --package "dfp-$crate" --all-features --output "$out" --timeout 90 --no-shuffle "$@" -- --lib || [ $? -le 3 ]
python3 bench/mutants/table.py "$crate" "$out/mutants.out/outcomes.json"
