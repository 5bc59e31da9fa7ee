#!/usr/bin/env python3
"""Whether p-values hold on usual behaviour; needs Python 3.9 or later.

    cargo build --release && python3 bench/validity.py [--seeds 3] [--source azure]

`tools generate` makes logs without takeovers, a fifth of the rows new; prints the share of new rows with a p-value of at
most .05, .01 and .001 for users of 100, 1,000 and 10,000 training rows, and the least and most over the seeds.
"""
import argparse
import csv
import subprocess
import tempfile
from pathlib import Path

BINARY = Path(__file__).resolve().parents[1] / "target/release/morpheus"
# The columns of users.
USERS = {
    "cloudtrail": "userIdentitysessionContextsessionIssueruserName",
    "azure": "userPrincipalName",
    "duo": "username",
    "okta": "actoralternateId",
}
LEVELS = (0.05, 0.01, 0.001)
# Training rows a user, and users.
SIZES = ((100, 200), (1_000, 40), (10_000, 8))


def shares(source, rows, users, seed):
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(
            [BINARY, "tools", "generate", f"--source={source}", f"--output_dir={folder}", f"--users={users}", "--takeovers=0",
             f"--training_rows={rows}", f"--new_rows={rows // 4}", f"--seed={seed}", "--overwrite"],
            check=True, capture_output=True,
        )
        subprocess.run(
            [BINARY, "run", "pipeline-ae", f"--userid_column_name={USERS[source]}", f"from-{source}",
             f"--input_glob={folder}/validation/*", "train-ae", f"--train_data_glob={folder}/training/*",
             "--seed=42", "preprocess", "inf-ae", "--scorer=recommended", "add-scores", "serialize", "--include=p_value",
             "to-file", f"--filename={folder}/out.csv"],
            check=True, capture_output=True,
        )
        with open(f"{folder}/out.csv", encoding="utf-8") as file:
            p_values = [float(row["p_value"]) for row in csv.DictReader(file)]
    return [sum(p <= level for p in p_values) / len(p_values) for level in LEVELS]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--source", choices=USERS, default="cloudtrail")
    arguments = parser.parse_args()
    for rows, users in SIZES:
        found = [shares(arguments.source, rows, users, seed) for seed in range(1, arguments.seeds + 1)]
        columns = list(zip(*found))
        text = [f"p <= {level}: {sum(c) / len(c):.4f} ({min(c):.4f} to {max(c):.4f})" for level, c in zip(LEVELS, columns)]
        print(f"{rows} training rows, {users} users: {', '.join(text)}", flush=True)


if __name__ == "__main__":
    main()
