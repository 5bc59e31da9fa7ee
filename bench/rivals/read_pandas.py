#!/usr/bin/env python3
"""Reading speed of our reader and of pandas on the same files, paired and alternating.

    cargo build --release --workspace --example read_speed
    target/rivals/venv/bin/python bench/rivals/read_pandas.py --ours target/release/examples/read_speed FILES...

Prints one JSON object: megabytes of file (10^6 bytes) a second of processor time of both, medians
over the rounds, and the medians of the rounds' ratios; imports are not counted. Ours parses event
times and sorts by them, so pandas is measured twice: reading alone (`read_csv` with its defaults,
or `json.load` and `json_normalize`, and `concat`), and then with times and order too.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import time

import pandas


def read_with_pandas(files):
    if all(name.endswith(".csv") for name in files):
        return pandas.concat([pandas.read_csv(name) for name in files])
    tables = []
    for name in files:
        with open(name, encoding="utf-8") as file:
            tables.append(pandas.json_normalize(json.load(file)["Records"]))
    return pandas.concat(tables)


def read_and_sort_with_pandas(files):
    table = read_with_pandas(files)
    table["event_dt"] = pandas.to_datetime(table["eventTime"])
    return table.sort_values("event_dt", kind="stable")


def rate_of_pandas(read, files, megabytes):
    """Repeats the read for 0.2 s, so that small files can be measured."""
    start, processor, reads = time.perf_counter(), time.process_time(), 0
    while reads == 0 or time.perf_counter() - start < 0.2:
        read(files)
        reads += 1
    return megabytes * reads / (time.process_time() - processor)


def rate_of_ours(command, files):
    out = subprocess.run(command + files, check=True, capture_output=True, text=True).stdout
    return next(json.loads(line) for line in out.splitlines() if '"threads": 1,' in line)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--ours", required=True, help="the program read_speed")
    parser.add_argument("--columns", help="only these columns for ours, with commas between them")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("files", nargs="+")
    given = parser.parse_args()
    command = [given.ours] + (["--columns", given.columns] if given.columns else [])
    megabytes = sum(os.path.getsize(name) for name in given.files) / 1e6
    alone, theirs, ours = [], [], []
    for _ in range(given.rounds):
        alone.append(rate_of_pandas(read_with_pandas, given.files, megabytes))
        theirs.append(rate_of_pandas(read_and_sort_with_pandas, given.files, megabytes))
        ours.append(rate_of_ours(command, given.files))
    rates = [our["cpu_mb_s"] for our in ours]
    print(json.dumps({
        "files": len(given.files),
        "megabytes": round(megabytes, 1),
        "rows": ours[0]["rows"],
        "columns": ours[0]["columns"],
        "rounds": given.rounds,
        "ours_mb_s": round(statistics.median(rates), 1),
        "pandas_mb_s": round(statistics.median(theirs), 1),
        "ratio": round(statistics.median(a / b for a, b in zip(rates, theirs)), 1),
        "pandas_read_alone_mb_s": round(statistics.median(alone), 1),
        "ratio_read_alone": round(statistics.median(a / b for a, b in zip(rates, alone)), 1),
        "pandas": pandas.__version__,
        "python": platform.python_version(),
        "machine": platform.machine(),
        "cores": os.cpu_count(),
    }))


if __name__ == "__main__":
    main()
