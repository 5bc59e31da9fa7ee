#!/usr/bin/env python3
"""Detection of generated takeovers by both architectures; needs Python 3.9 or later.

    cargo build --release && python3 bench/detection.py [--users 20] [--seeds 5]

For each seed `tools generate` makes logs in which every user is taken over once. A user's alerts are the
highest-scored rows, 10 for each 1,000; recall is the share of the takeover's rows among them. Prints the mean
over users, for each seed and over all.
"""
import argparse
import csv
import statistics
import subprocess
import tempfile
from collections import defaultdict
from pathlib import Path

BINARY = Path(__file__).resolve().parents[1] / "target/release/morpheus"
USER = "userIdentitysessionContextsessionIssueruserName"


def recalls(folder, architecture):
    """Recall of each user."""
    output = folder / f"{architecture}.csv"
    subprocess.run(
        [BINARY, "run", "pipeline-ae", f"--userid_column_name={USER}", "from-cloudtrail",
         f"--input_glob={folder}/validation/*.csv", "train-ae", f"--train_data_glob={folder}/training/*.csv",
         "--seed", "42", "--architecture", architecture, "preprocess", "inf-pytorch", "add-scores", "serialize",
         "to-file", f"--filename={output}", "--overwrite"],
        check=True, capture_output=True,
    )
    with open(folder / "labels.csv", encoding="utf-8") as file:
        taken = {row["eventID"] for row in csv.DictReader(file)}
    rows = defaultdict(list)
    with open(output, encoding="utf-8") as file:
        for row in csv.DictReader(file):
            rows[row[USER]].append((float(row["ae_anomaly_score"]), row["eventID"] in taken))
    for scored in rows.values():
        scored.sort(key=lambda row: -row[0])
        alerts = scored[: round(len(scored) / 100)]
        if any(bad for _, bad in scored):
            yield sum(bad for _, bad in alerts) / min(sum(bad for _, bad in scored), len(alerts))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--users", type=int, default=20)
    parser.add_argument("--seeds", type=int, default=5)
    arguments = parser.parse_args()
    all_recalls = defaultdict(list)
    for seed in range(1, arguments.seeds + 1):
        with tempfile.TemporaryDirectory() as folder:
            subprocess.run(
                [BINARY, "tools", "generate", f"--output_dir={folder}", f"--users={arguments.users}",
                 f"--takeovers={arguments.users}", f"--seed={seed}", "--training_rows=1000", "--new_rows=1000", "--overwrite"],
                check=True, capture_output=True,
            )
            line = []
            for architecture in ("peer", "compact"):
                found = list(recalls(Path(folder), architecture))
                all_recalls[architecture] += found
                line.append(f"{architecture} {statistics.mean(found):.3f}")
            print(f"seed {seed}: {', '.join(line)} ({len(found)} users)", flush=True)
    for architecture, found in all_recalls.items():
        print(f"{architecture}: mean recall {statistics.mean(found):.3f} over {len(found)} users")


if __name__ == "__main__":
    main()
