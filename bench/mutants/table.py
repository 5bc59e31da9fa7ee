"""Keeps the outcomes of `cargo mutants` as a table: python3 table.py CRATE outcomes.json

Rows of files that were not run again stay as they are.
"""

import csv
import json
import sys
from collections import Counter
from pathlib import Path

FIELDS = ["file", "line", "mutant", "outcome"]
NAMES = {
    "CaughtMutant": "caught",
    "MissedMutant": "missed",
    "Timeout": "timeout",
    "Unviable": "not built",
}


def main():
    crate, outcomes = sys.argv[1], json.loads(Path(sys.argv[2]).read_text())
    kept = Path(__file__).parent / f"{crate}.csv"
    new = []
    for outcome in outcomes["outcomes"]:
        if outcome["scenario"] == "Baseline":
            continue
        mutant = outcome["scenario"]["Mutant"]
        # The place stands at the beginning of the name, and moves with every edit.
        name = mutant["name"].split(": ", 1)[1]
        line = mutant["span"]["start"]["line"]
        new.append([mutant["file"], str(line), name, NAMES[outcome["summary"]]])
    files = {row[0] for row in new}
    old = []
    if kept.exists():
        with kept.open(newline="") as file:
            old = [row for row in csv.reader(file) if row != FIELDS and row[0] not in files]
    rows = sorted(old + new, key=lambda row: (row[0], int(row[1]), row[2]))
    with kept.open("w", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([FIELDS, *rows])
    by_file = {}
    for file, _, _, outcome in rows:
        by_file.setdefault(file, Counter())[outcome] += 1
    by_file["all"] = sum(by_file.values(), Counter())
    print("| file | mutants | caught | timeout | missed | share caught |")
    print("| --- | --- | --- | --- | --- | --- |")
    for file, counts in by_file.items():
        built = counts.total() - counts["not built"]
        found = counts["caught"] + counts["timeout"]
        share = f"{100 * found / built:.0f} %" if built else ""
        print(f"| {file} | {built} | {counts['caught']} | {counts['timeout']} | {counts['missed']} | {share} |")


main()
