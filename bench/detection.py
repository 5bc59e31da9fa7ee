#!/usr/bin/env python3
"""Detection of generated takeovers by both architectures; needs Python 3.9 or later.

    cargo build --release && python3 bench/detection.py [--users 20] [--seeds 5] [--source azure] [--kinds slow_drip ...]

For each seed `tools generate` makes logs in which every user is taken over once, in one of these ways (default: in
those that are usual for the source). A user's alerts are the highest-scored rows, 10 for each 1,000; recall is the
share of the takeover's rows among them. Prints the mean over users, for each seed and over all, and for each kind of
takeover.
"""
import argparse
import csv
import statistics
import subprocess
import tempfile
from collections import defaultdict
from pathlib import Path

BINARY = Path(__file__).resolve().parents[1] / "target/release/morpheus"
# The columns of users and of events' identifiers.
COLUMNS = {
    "cloudtrail": ("userIdentitysessionContextsessionIssueruserName", "eventID"),
    "azure": ("userPrincipalName", "id"),
    "duo": ("username", "txid"),
    "okta": ("actoralternateId", "uuid"),
}


def recalls(folder, source, architecture):
    """Kind of takeover and recall of each user."""
    user, event = COLUMNS[source]
    output = folder / f"{architecture}.csv"
    subprocess.run(
        [BINARY, "run", "pipeline-ae", f"--userid_column_name={user}", f"from-{source}",
         f"--input_glob={folder}/validation/*", "train-ae", f"--train_data_glob={folder}/training/*",
         "--seed", "42", "--architecture", architecture, "preprocess", "inf-pytorch", "add-scores", "serialize",
         "to-file", f"--filename={output}", "--overwrite"],
        check=True, capture_output=True,
    )
    with open(folder / "labels.csv", encoding="utf-8") as file:
        taken = {row["eventID"]: row["label"] for row in csv.DictReader(file)}
    rows = defaultdict(list)
    with open(output, encoding="utf-8") as file:
        for row in csv.DictReader(file):
            rows[row[user]].append((float(row["ae_anomaly_score"]), taken.get(row[event])))
    for scored in rows.values():
        scored.sort(key=lambda row: -row[0])
        alerts = scored[: round(len(scored) / 100)]
        kinds = [kind for _, kind in scored if kind]
        if kinds:
            found = sum(kind is not None for _, kind in alerts)
            yield kinds[0], found / min(len(kinds), len(alerts))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--users", type=int, default=20)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--source", choices=COLUMNS, default="cloudtrail")
    parser.add_argument("--kinds", nargs="+", default=[])
    arguments = parser.parse_args()
    all_recalls = defaultdict(list)
    for seed in range(1, arguments.seeds + 1):
        with tempfile.TemporaryDirectory() as folder:
            subprocess.run(
                [BINARY, "tools", "generate", f"--source={arguments.source}", f"--output_dir={folder}",
                 f"--users={arguments.users}", *(f"--takeover_kinds={kind}" for kind in arguments.kinds),
                 f"--takeovers={arguments.users}", f"--seed={seed}", "--training_rows=1000", "--new_rows=1000", "--overwrite"],
                check=True, capture_output=True,
            )
            line = []
            for architecture in ("peer", "compact"):
                found = list(recalls(Path(folder), arguments.source, architecture))
                for kind, recall in found:
                    all_recalls[architecture, kind].append(recall)
                    all_recalls[architecture, "all"].append(recall)
                line.append(f"{architecture} {statistics.mean(recall for _, recall in found):.3f}")
            print(f"seed {seed}: {', '.join(line)} ({len(found)} users)", flush=True)
    for (architecture, kind), found in sorted(all_recalls.items()):
        print(f"{architecture}, {kind}: mean recall {statistics.mean(found):.3f} over {len(found)} users")


if __name__ == "__main__":
    main()
