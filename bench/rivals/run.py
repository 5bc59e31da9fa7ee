#!/usr/bin/env python3
"""Whole jobs against rivals, in turns on one machine; needs Python 3.9 or later and pip.

    cargo build --release --workspace --bins --examples
    python3 bench/rivals/run.py [--data FOLDER] [--json FILES] [--runs 5] [--users 1000]

`--data` holds `training/*.csv` and `validation/*.csv` of one user (default: the bundled example), `--json` names
CloudTrail's own files to read. The rivals, the reference library (dfencoder 0.0.42 on PyTorch's CPU build),
scikit-learn's isolation forest and pandas, are put into a virtual environment under `target/`. Every single
time of a process goes into `bench/runs/DATE.json`, and `docs/benchmarks.md` is made anew from the newest of these files
(`--table` does only that).
"""
import argparse
import datetime
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
HERE = ROOT / "bench/rivals"
WORK = ROOT / "target/rivals"
BINARY = ROOT / "target/release/morpheus"
PYTHON = WORK / "venv/bin/python"
USER = "userIdentitysessionContextsessionIssueruserName"
# What a model of CloudTrail's commonest features reads.
NEEDED = (
    "eventTime", "eventSource", "eventName", "sourceIPAddress", "userAgent", "errorCode", "userIdentitytype",
    "userIdentityuserName",
)
TORCH = "https://download.pytorch.org/whl/cpu"


def environment():
    """Makes the virtual environment once."""
    if not PYTHON.exists():
        subprocess.run([sys.executable, "-m", "venv", WORK / "venv"], check=True)
    pip = [PYTHON, "-m", "pip", "install", "-q"]
    if subprocess.run([PYTHON, "-c", "import torch"], capture_output=True).returncode:
        if subprocess.run([*pip, "--index-url", TORCH, "torch"]).returncode:
            # Without that index: the ordinary package, with its libraries for graphics cards.
            subprocess.run([*pip, "torch"], check=True)
    # pandas 3 reads text into a type that dfencoder ignores: it would train on nothing.
    needs = "numpy pandas<3 scikit-learn tqdm dill wheel tensorboardX matplotlib ipython"
    subprocess.run([*pip, *needs.split()], check=True)
    subprocess.run([*pip, "--no-deps", "dfencoder==0.0.42"], check=True)


def ours(folder, threads, *options):
    """The command line of one whole job on a folder of CSV files."""
    return [
        BINARY, "run", f"--num_threads={threads}", f"--compute_threads={threads}", "pipeline-ae",
        f"--userid_column_name={USER}", "from-cloudtrail", f"--input_glob={folder}/validation/*.csv",
        "train-ae", f"--train_data_glob={folder}/training/*.csv", "--seed", "42", *options,
        "preprocess", "inf-pytorch", "add-scores", "serialize",
        "to-file", f"--filename={WORK}/scores.csv", "--overwrite",
    ]


def timed(command):
    """Wall seconds of one process and what it printed."""
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    out, errors = process.communicate()
    seconds = time.perf_counter() - start
    if process.returncode:
        sys.exit(f"{' '.join(map(str, command))}\n{errors}")
    return seconds, out


def peak_memory(command):
    """Peak memory in MiB of one process that is run for this alone."""
    before = "import resource, subprocess, sys; subprocess.run(sys.argv[1:], check=True, capture_output=True); "
    after = "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    out = subprocess.run(
        [sys.executable, "-c", before + after, *map(str, command)], check=True, capture_output=True, text=True
    ).stdout
    return int(out) / 1024


def in_turns(jobs, runs):
    """Runs all jobs one after the other, several times; every result of each."""
    results = {name: [] for name in jobs}
    for turn in range(runs):
        for name, command in jobs.items():
            seconds, out = timed(command)
            last = out.strip().splitlines()[-1] if out.strip() else ""
            inside = json.loads(last) if last.startswith("{") else {}
            results[name].append({"seconds": seconds, **inside})
            print(f"{turn + 1}/{runs} {name}: {seconds:.2f} s {inside or ''}", flush=True)
    return results


def versions():
    """Versions of everything that was measured."""
    packages = ["torch", "dfencoder", "scikit-learn", "pandas", "numpy"]
    ask = f"import importlib.metadata as m, json; print(json.dumps({{p: m.version(p) for p in {packages}}}))"
    out = subprocess.run([PYTHON, "-c", ask], check=True, capture_output=True, text=True).stdout
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True)
    return {"morpheus": commit.stdout.strip(), "python": platform.python_version(), **json.loads(out)}


def machine():
    """What the run was on."""
    model = "unknown"
    if Path("/proc/cpuinfo").exists():
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        model = next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), model)
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {"cpu": model, "cores": os.cpu_count(), "memory_gib": round(memory), "system": platform.platform()}


def measure(arguments):
    """All measurements, as they go into the file."""
    environment()
    folder = Path(arguments.data).resolve()
    training, new = next(folder.glob("training/*.csv")), next(folder.glob("validation/*.csv"))
    cores = os.cpu_count()
    results = in_turns(
        {
            "morpheus": ours(folder, cores),
            "morpheus compact": ours(folder, cores, "--architecture", "compact"),
            "dfencoder": [PYTHON, HERE / "reference.py", training, new, WORK / "reference.csv"],
            "isolation forest": [PYTHON, HERE / "isolation_forest.py", folder / "training", folder / "validation"]
            if training.name == new.name
            else [PYTHON, HERE / "isolation_forest.py", *one_name(training, new)],
        },
        arguments.runs,
    )
    record = {
        "date": datetime.datetime.now().strftime("%Y-%m-%d %H:%M"), "machine": machine(), "versions": versions(),
        "seed_job": results,
        "kernels": subprocess.run([BINARY.parent / "kernels"], check=True, capture_output=True, text=True).stdout,
        "reading": {"CSV of the one user": read([training])},
    }
    if arguments.json:
        record["reading"]["CloudTrail JSON, all columns"] = read(arguments.json)
        record["reading"]["CloudTrail JSON, 8 columns"] = read(arguments.json, "--columns", ",".join(NEEDED))
    if arguments.users:
        many = WORK / f"users-{arguments.users}"
        generate_users(many, arguments.users)
        compact = ["--architecture", "compact"]
        record["users"] = arguments.users
        record["many_users"] = in_turns(
            {"compact, 1 thread": ours(many, 1, *compact), f"compact, {cores} threads": ours(many, cores, *compact)},
            arguments.runs,
        )
        record["many_users"] |= in_turns(
            {"isolation forests": [PYTHON, HERE / "isolation_forest.py", many / "training", many / "validation"]}, 1
        )
        few = WORK / f"users-{arguments.users // 10}"
        generate_users(few, arguments.users // 10)
        record["architectures"] = in_turns(
            {"default net": ours(few, cores), "compact": ours(few, cores, *compact)}, arguments.runs
        )
        record["peak_mib"] = {f"compact, {cores} threads": peak_memory(ours(many, cores, *compact))}
    return record


def generate_users(folder, users):
    """Logs of so many users, once."""
    if not folder.exists():
        subprocess.run(
            [BINARY, "tools", "generate", f"--output_dir={folder}", f"--users={users}", "--training_rows=1000",
             "--new_rows=200", "--takeovers=10"],
            check=True,
        )


def read(files, *options):
    """Our reader and pandas on the same files."""
    command = [PYTHON, HERE / "read_pandas.py", "--ours", BINARY.parent / "examples/read_speed", *options, *files]
    seen = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    print(f"reading {options}: {seen}", flush=True)
    return seen


def one_name(training, new):
    """Folders in which the two files of a user have one name, as the forest's script wants them."""
    folders = []
    for kind, file in (("training", training), ("validation", new)):
        folder = WORK / "forest" / kind
        folder.mkdir(parents=True, exist_ok=True)
        link = folder / "user.csv"
        link.unlink(missing_ok=True)
        link.symlink_to(file)
        folders.append(folder)
    return folders


def table(record):
    """docs/benchmarks.md from one record."""
    host, seen = record["machine"], record["versions"]

    def rows(results, rival):
        base = statistics.median(run["seconds"] for run in results[rival])
        for name, runs in results.items():
            seconds = [run["seconds"] for run in runs]
            middle = statistics.median(seconds)
            yield f"| {name} | {middle:.2f} | {min(seconds):.2f}-{max(seconds):.2f} | {len(runs)} | {base / middle:.1f} |"

    lines = [
        "# Benchmarks", "",
        "Made by `bench/rivals/run.py` from `bench/runs/`, where every single time of a process is kept. Seconds are of whole processes,",
        "start and imports included; medians of runs in turns, but a job with one run stood behind the others.", "",
        f"{record['date']}, {host['cpu']}, {host['cores']} cores, {host['memory_gib']} GiB. morpheus {seen['morpheus']}, dfencoder {seen['dfencoder']},",
        f"PyTorch {seen['torch']}, scikit-learn {seen['scikit-learn']}, pandas {seen['pandas']}, Python {seen['python']}.", "",
        "## One user: train and score", "",
        "| | seconds | from-to | runs | times as fast as dfencoder |", "| --- | --- | --- | --- | --- |",
        *rows(record["seed_job"], "dfencoder"),
    ]
    training = statistics.median(run["train"] for run in record["seed_job"]["dfencoder"])
    own = statistics.median(run["seconds"] for run in record["seed_job"]["morpheus"])
    threads = record["seed_job"]["dfencoder"][0]["threads"]
    lines += [
        "",
        f"dfencoder's training alone, on PyTorch's own choice of {threads} threads: {training:.2f} s, {training / own:.1f} times the",
        "whole of morpheus.", "",
        "## Training and scoring against the machine's limit", "",
        "The yardstick is the `gemm` crate's product of 512 x 512 matrices, measured in turns with the rest. GFLOP/s count what the",
        "arithmetic of each row would mean if none were saved: identical rows are scored once.", "",
        "```", record["kernels"].rstrip(), "```", "",
        "## Reading on one core", "",
        "Megabytes of file a second of processor time. All parse event times and sort by them; in brackets: pandas without both.", "",
        "| | MB | columns | MB/s | pandas | times as fast |", "| --- | --- | --- | --- | --- | --- |",
        *(
            f"| {name} | {seen['megabytes']} | {seen['columns']} | {seen['ours_mb_s']:.0f} | "
            f"{seen['pandas_mb_s']:.0f} ({seen['pandas_read_alone_mb_s']:.0f}) | "
            f"{seen['ratio']:.1f} ({seen['ratio_read_alone']:.1f}) |"
            for name, seen in record["reading"].items()
        ),
        "",
    ]
    if "many_users" in record:
        first = next(iter(record["many_users"]))
        lines += [
            f"## {record['users']:,} users: train on 1,000 rows and score about 200 each", "",
            f"| | seconds | from-to | runs | times as fast as {first} |", "| --- | --- | --- | --- | --- |",
            *rows(record["many_users"], first), "",
            "Peak memory: " + "; ".join(f"{name} {mib:.0f} MiB" for name, mib in record["peak_mib"].items()) + ".", "",
            f"## The two architectures: {record['users'] // 10:,} of these users", "",
            "| | seconds | from-to | runs | times as fast as the default |", "| --- | --- | --- | --- | --- |",
            *rows(record["architectures"], "default net"), "",
        ]
    (ROOT / "docs/benchmarks.md").write_text("\n".join(lines))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default=ROOT / "examples/user123")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--users", type=int, default=0, help="also a job of this many generated users")
    parser.add_argument("--json", nargs="+", default=[], help="CloudTrail's JSON files, to read")
    parser.add_argument("--table", action="store_true", help="only make the document from the newest file")
    arguments = parser.parse_args()
    runs = ROOT / "bench/runs"
    if not arguments.table:
        record = measure(arguments)
        runs.mkdir(exist_ok=True)
        (runs / f"{record['date'].replace(' ', 'T').replace(':', '')}.json").write_text(json.dumps(record, indent=1) + "\n")
    table(json.loads(max(runs.glob("[0-9]*.json")).read_text()))


if __name__ == "__main__":
    main()
