#!/usr/bin/env python3
"""What a store of many users' models takes: `train` into it, `score` from it with little and with much memory.

    python3 bench/stores.py [--users 10000] [--binary target/release/morpheus] [--directory DIR]

Makes logs of so many users, each 320 rows of history and 100 new ones; trains them into a store; scores the new rows,
as they come user by user and shuffled over files that all users share, read in parts of 32 MB so that every user
comes again in each part; with room for all models and with `--model_cache 200`. Three rounds in turns; medians. Peak
memory is the largest resident set that the system saw. Nothing is written beside DIR (a temporary one if not given).
"""

import argparse
import csv
import glob
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time

USER = "userIdentitysessionContextsessionIssueruserName"
MUCH = 100_000


def run(words, directory):
    """Seconds and peak memory, in MB, of a program that has to succeed."""
    start = time.monotonic()
    process = subprocess.Popen(words, cwd=directory, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.monotonic() - start
    if os.waitstatus_to_exitcode(status) != 0:
        sys.exit(f"{' '.join(words)}\n{process.stderr.read().decode()[-2000:]}")
    return seconds, usage.ru_maxrss / 1024


def shuffle(directory, files=100):
    """The new rows of all users, in files that all users share."""
    os.makedirs(f"{directory}/mixed", exist_ok=True)
    random.seed(1)
    out = [open(f"{directory}/mixed/{n:03}.csv", "w", newline="") for n in range(files)]
    header = None
    for name in sorted(glob.glob(f"{directory}/logs/validation/*.csv")):
        with open(name, newline="") as rows:
            first = rows.readline()
            if header is None:
                header = first
                for file in out:
                    file.write(header)
            for row in rows:
                random.choice(out).write(row)
    for file in out:
        file.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--users", type=int, default=10_000)
    parser.add_argument("--binary", default="target/release/morpheus")
    parser.add_argument("--directory")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    binary = os.path.abspath(options.binary)
    directory = os.path.abspath(options.directory or tempfile.mkdtemp())
    os.makedirs(directory, exist_ok=True)
    if not os.path.exists(f"{directory}/logs"):
        run([binary, "tools", "generate", "--output_dir=logs", f"--users={options.users}", "--takeovers=0",
             "--training_rows=320", "--new_rows=100", "--days=60"], directory)
    if not os.path.exists(f"{directory}/mixed"):
        shuffle(directory)
    user = f"--userid_column_name={USER}"
    seconds, memory = run([binary, "train", "--input=logs/training/*.csv", "--store=store", user], directory)
    size = sum(os.path.getsize(name) for name in glob.glob(f"{directory}/store/users/*/*.dfp"))
    print(f"train: {options.users} users in {seconds:.1f} s, peak {memory:.0f} MB; {size / 1e6:.0f} MB of model files")
    seconds, _ = run([binary, "train", "--input=logs/training/*.csv", "--store=store", user], directory)
    print(f"train again, nothing new: {seconds:.1f} s")
    results = {}
    for _ in range(options.rounds):
        for order, files in [("by user", "logs/validation/*.csv"), ("shuffled", "mixed/*.csv")]:
            for cache in [MUCH, 200]:
                line = [binary, "run", "pipeline-ae", user, "from-cloudtrail", f"--input_glob={files}",
                        "--batch_megabytes=32", "train-ae", "--model_store=store", f"--model_cache={cache}", "preprocess",
                        "inf-ae", "--scorer=recommended", "add-scores", "--model_version", "serialize", "to-file",
                        "--filename=out.csv", "--overwrite"]
                results.setdefault((order, cache), []).append(run(line, directory))
    with open(f"{directory}/out.csv", newline="") as out:
        rows = sum(1 for _ in csv.reader(out)) - 1
    for (order, cache), runs in results.items():
        seconds = statistics.median(seconds for seconds, _ in runs)
        memory = max(memory for _, memory in runs)
        room = "all models" if cache == MUCH else f"{cache} MB"
        print(f"score {rows} rows {order}, room for {room}: {seconds:.1f} s, {rows / seconds:.0f} rows/s, peak {memory:.0f} MB")
    for order in ["by user", "shuffled"]:
        much, little = (statistics.median(s for s, _ in results[(order, cache)]) for cache in (MUCH, 200))
        print(f"{order}: with 200 MB {much / little:.2f} of the speed")


if __name__ == "__main__":
    main()
