#!/usr/bin/env python3
"""What a store of many users' models takes: `train` into it, `score` from it with little and with much memory.

    python3 bench/stores.py [--users 10000] [--binary target/release/morpheus] [--directory DIR]

Makes logs of so many users, each 320 rows of history and 100 new ones; trains them into a store; scores the new rows,
as they come user by user and shuffled over files that all users share, read in parts of 32 MB so that every user
comes again in each part; with room for all models and with `--model_cache 200`. Three rounds in turns; medians. Peak
memory is the largest resident set that the system saw. Nothing is written beside DIR (a temporary one if not given).

    python3 bench/stores.py --resume 1000

kills a training of so many users when half of them have a version, and starts it again: what was there is not trained again.

    python3 bench/stores.py --users 1000 --store mlflow+http://127.0.0.1:5000/bench

trains into another store than a folder, twice, and scores the new rows from it, once.
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


def generate(binary, directory, users, new_rows):
    if not os.path.exists(f"{directory}/logs"):
        run([binary, "tools", "generate", "--output_dir=logs", f"--users={users}", "--takeovers=0",
             "--training_rows=320", f"--new_rows={new_rows}", "--days=60"], directory)


def resume(binary, directory, users):
    """A training that is killed half-way, and what the next one does."""
    generate(binary, directory, users, 1)
    line = [binary, "train", "--input=logs/training/*.csv", "--store=resumed", f"--userid_column_name={USER}"]
    models = lambda: glob.glob(f"{directory}/resumed/users/*/*.dfp")
    start = time.monotonic()
    process = subprocess.Popen(line, cwd=directory, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while len(models()) < users // 2 and process.poll() is None:
        time.sleep(0.01)
    process.kill()
    process.wait()
    killed = time.monotonic() - start
    before = {name: os.stat(name).st_mtime_ns for name in models()}
    start = time.monotonic()
    text = subprocess.run(line, cwd=directory, check=True, capture_output=True, text=True).stdout
    again = time.monotonic() - start
    after = {name: os.stat(name).st_mtime_ns for name in models()}
    kept = sum(after.get(name) == at for name, at in before.items())
    print(f"killed after {killed:.1f} s with {len(before)} models of {users} users; again: {again:.1f} s, "
          f"{kept} of them untouched, {len(after) - len(before)} new")
    print(*(row for row in text.splitlines() if row.startswith(("read", "promoted", "up to date", "failed"))), sep="\n")


def elsewhere(binary, directory, options):
    """Another store than a folder."""
    user = f"--userid_column_name={USER}"
    for what in ["train", "train again, nothing new"]:
        seconds, memory = run([binary, "train", "--input=logs/training/*.csv", f"--store={options.store}", user], directory)
        print(f"{what}: {options.users} users into {options.store} in {seconds:.1f} s, peak {memory:.0f} MB")
    seconds, _ = run([binary, "score", "--input=logs/validation/*.csv", f"--store={options.store}", user, "--output=out.csv",
                      "--overwrite"], directory)
    print(f"score: {seconds:.1f} s")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--users", type=int, default=10_000)
    parser.add_argument("--binary", default="target/release/morpheus")
    parser.add_argument("--directory")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--resume", type=int, metavar="USERS")
    parser.add_argument("--store")
    options = parser.parse_args()
    binary = os.path.abspath(options.binary)
    directory = os.path.abspath(options.directory or tempfile.mkdtemp())
    os.makedirs(directory, exist_ok=True)
    if options.resume:
        return resume(binary, directory, options.resume)
    generate(binary, directory, options.users, 100)
    if options.store:
        return elsewhere(binary, directory, options)
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
