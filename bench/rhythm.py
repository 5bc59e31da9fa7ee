#!/usr/bin/env python3
"""What `timeseries` finds in generated logs, and how fast it is; needs Python 3.9 or later.

    cargo build --release && python3 bench/rhythm.py [--users 20] [--days 60] [--speed]

`tools generate` makes the normal activity of CloudTrail users. Two things are put into the last week of each:

beacon   a program calls every 60 seconds for three hours of a working day
night    the account is used at 2:00 to 4:00 at night, 25 calls at irregular times

Recall is the share of their rows that are flagged; false alarms are the flagged rows among all others, and the hours
in which they lie for each user and week. `--speed` instead runs 1,000,000 events of 1,000 users at bins of one minute
through the whole pipeline (with the small network), once without and once with `timeseries`, and shows time and memory.
"""
import argparse
import csv
import random
import resource
import subprocess
import tempfile
import time
from datetime import datetime, timedelta
from pathlib import Path

BINARY = Path(__file__).resolve().parents[1] / "target/release/morpheus"
USER = "userIdentitysessionContextsessionIssueruserName"
METHODS = {
    "waves, 1m, 12 h, z 8": "--resolution=1m --min_window=12h --hot_start",
    "waves, 10m, 24 h, z 8": "--resolution=10m --min_window=24h --hot_start",
    "hour of week, p 1e-4": "--seasonality=hour-of-week --min_window=7d",
    "hour of week, p 1e-6": "--seasonality=hour-of-week --min_window=7d --pvalue_threshold=0.000001",
}


def moment(text):
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def implant(rows, user, days, dice):
    """Rows of both kinds for a user: copies of the user's own calls at other times."""
    own = [row for row in rows if row[USER] == user]
    last = max(moment(row["eventTime"]) for row in own).replace(hour=0, minute=0, second=0, microsecond=0)
    workday = next(last - timedelta(days=d) for d in range(1, 8) if (last - timedelta(days=d)).weekday() < 5)
    beacon = [workday + timedelta(hours=13, seconds=60 * i) for i in range(180)]
    night = [last - timedelta(days=3) + timedelta(hours=2, seconds=dice.randrange(7200)) for _ in range(25)]
    for kind, times in (("beacon", beacon), ("night", night)):
        for at in times:
            row = dict(dice.choice(own), eventTime=at.strftime("%Y-%m-%dT%H:%M:%SZ"))
            row["eventID"] = f"{kind}-{user}-{dice.getrandbits(64):x}"
            yield row


def run(folder, options, train):
    output = folder / "out.csv"
    line = f"{BINARY} run pipeline-ae --userid_column_name={USER} from-cloudtrail --input_glob={folder}/in/*.csv " \
        f"train-ae {train} --seed=42 preprocess inf-pytorch add-scores"
    start, before = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    rhythm = ["timeseries", *options.split()] if options is not None else []
    subprocess.run([*line.split(), *rhythm, "serialize", "--include=eventID", "--include=eventTime", f"--include={USER}",
                    "--include=ts_", "to-file", f"--filename={output}", "--overwrite"], check=True, capture_output=True)
    return output, time.monotonic() - start, max(before, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss) / 1024


def detect(args):
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        rows_a_user = args.days * 35
        subprocess.run([BINARY, "tools", "generate", f"--output_dir={folder}/logs", f"--users={args.users}",
                        f"--days={args.days}", f"--training_rows={rows_a_user - 200}", "--new_rows=200", "--takeovers=0",
                        f"--seed={args.seed}"], check=True, capture_output=True)
        rows = []
        for path in sorted((folder / "logs").glob("*/*.csv")):
            with open(path, encoding="utf-8", newline="") as file:
                rows.extend(csv.DictReader(file))
        dice = random.Random(args.seed)
        for user in sorted({row[USER] for row in rows}):
            rows.extend(list(implant(rows, user, args.days, dice)))
        rows.sort(key=lambda row: row["eventTime"])
        (folder / "in").mkdir()
        columns = list(rows[0])
        with open(folder / "in/all.csv", "w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, columns)
            writer.writeheader()
            writer.writerows(rows)
        train = f"--train_data_glob={folder}/in/*.csv --architecture=compact --train_epochs=1"
        print(f"{args.users} users, {args.days} days, {len(rows)} rows")
        for method, options in METHODS.items():
            output, _, _ = run(folder, options, train)
            total, hits, alarms, others, hours = {}, {}, 0, 0, set()
            with open(output, encoding="utf-8", newline="") as file:
                for row in csv.DictReader(file):
                    kind = row["eventID"].split("-")[0]
                    flagged = row["ts_anomaly"] == "True"
                    if kind in ("beacon", "night"):
                        total[kind] = total.get(kind, 0) + 1
                        hits[kind] = hits.get(kind, 0) + flagged
                    else:
                        others += 1
                        alarms += flagged
                        if flagged:
                            hours.add((row[USER], row["eventTime"][:13]))
            recall = ", ".join(f"{kind} {hits[kind] / total[kind]:.3f}" for kind in sorted(total))
            print(f"{method:<24} recall {recall}; false alarms {alarms} of {others} rows, "
                  f"{len(hours) / args.users / (args.days / 7):.3f} hours a user and week", flush=True)


def speed(args):
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "in").mkdir()
        dice = random.Random(args.seed)
        begin = datetime(2024, 1, 1)
        times = sorted(dice.randrange(7 * 86_400) for _ in range(1_000_000))
        with open(folder / "in/all.csv", "w", encoding="utf-8") as file:
            file.write(f"eventTime,{USER},eventName,eventID\n")
            for number, second in enumerate(times):
                at = (begin + timedelta(seconds=second)).strftime("%Y-%m-%dT%H:%M:%SZ")
                file.write(f"{at},user{dice.randrange(1000)},{dice.choice(['Get', 'Put', 'List'])},{number}\n")
        train = f"--train_data_glob={folder}/in/*.csv --architecture=compact --train_epochs=1 --train_max_history=64"
        for options in (None, "--resolution=1m --min_window=12h --hot_start"):
            _, seconds, megabytes = run(folder, options, train)
            print(f"{options or 'without timeseries'}: {seconds:.1f} s, {megabytes:.0f} MB", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--users", type=int, default=20)
    parser.add_argument("--days", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--speed", action="store_true")
    arguments = parser.parse_args()
    speed(arguments) if arguments.speed else detect(arguments)
