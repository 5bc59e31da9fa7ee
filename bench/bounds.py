#!/usr/bin/env python3
"""What reading takes where input is larger than memory: peak memory under a limit, and time a row for more and more rows.

    cargo build --release -p morpheus && python3 bench/bounds.py [--binary target/release/morpheus] [--directory DIR]
        [--only memory|time] [--rows 100000,1000000,5000000] [--save]

Makes the inputs below DIR (a temporary one if not given; 12 GB), runs the program once on each, and prints tables. Peak memory is
the largest resident set that the system saw (Linux). The Parquet bomb needs pyarrow. `--save` keeps the figures in
bench/runs/bounds-TIME.json.
"""

import argparse
import datetime
import gzip
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time

MB = 1_000_000
LIMIT = 512
RUN = ["run", f"--memory_limit={LIMIT}MB", "pipeline-ae", "--userid_column_name=userName", "from-cloudtrail"]
OUT = ["to-file", "--filename=out.csv", "--overwrite"]


def run(binary, words, directory):
    """Exit code, seconds, peak memory in MB and the rows read."""
    with open(f"{directory}/stdout", "wb") as out, open(f"{directory}/stderr", "wb") as err:
        start = time.monotonic()
        process = subprocess.Popen([binary, *words], cwd=directory, stdout=out, stderr=err)
        # ru_maxrss of a child begins with what this program had when it started it.
        peak = 0
        while process.poll() is None:
            try:
                with open(f"/proc/{process.pid}/status") as said:
                    peak = max([peak, *(int(line.split()[1]) for line in said if line.startswith("VmHWM"))])
            except OSError:
                pass
            time.sleep(0.005)
        seconds = time.monotonic() - start
    with open(f"{directory}/stdout") as out:
        read = next((line.split()[1].replace(",", "") for line in out if line.startswith("read ")), "0")
    return process.returncode, seconds, peak * 1024 / MB, int(read)


def event(number, user=None):
    seconds = number * 2_592_000 // event.count
    day, rest = divmod(seconds, 86_400)
    return (
        f'{{"eventID":"{number:032x}","eventTime":"2024-03-{1 + day:02}T{rest // 3600:02}:{rest // 60 % 60:02}:{rest % 60:02}Z",'
        f'"eventName":"Get{number % 97}","eventSource":"s{number % 13}.amazonaws.com","awsRegion":"eu-{number % 5}",'
        f'"sourceIPAddress":"10.0.{number % 50}.{number % 200}","userName":"{user or f"user{number % 100}"}"}}'
    )


def write(path, texts):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    opened = gzip.open(path, "wt", 1) if path.endswith(".gz") else open(path, "w")
    with opened as file:
        file.writelines(texts)


def lines(numbers):
    return (event(number) + "\n" for number in numbers)


def good(directory):
    event.count = 1_000
    write(f"{directory}/a.jsonl", lines(range(500)))
    write(f"{directory}/z.jsonl", lines(range(500, 1_000)))


def of_json(directory):
    event.count = 4_000_000
    with open(f"{directory}/m.json", "w") as file:
        file.write('{"Records":[')
        for number in range(event.count):
            file.write(("," if number else "") + event(number))
        file.write("]}")


def one_line(directory):
    with open(f"{directory}/m.jsonl", "w") as file:
        event.count = 10
        file.writelines(lines(range(10)))
        file.write('{"eventID":"')
        for _ in range(1_000):
            file.write("x" * MB)
        file.write('"}\n')
        file.writelines(lines(range(10)))


def gzip_bomb(directory):
    packed = gzip.compress(b"\0" * (1 << 30), 9)
    with open(f"{directory}/m.jsonl", "wb") as file:
        file.write(packed * 9)


def parquet_bomb(directory):
    import pyarrow
    import pyarrow.parquet

    rows = 10_000_000
    columns = {"eventTime": "2024-03-01T00:00:00Z", "eventName": "Get", "userName": "eve"}
    table = pyarrow.table(
        {name: pyarrow.DictionaryArray.from_arrays(pyarrow.array([0] * rows, pyarrow.int32()), [text]) for name, text in columns.items()}
    )
    schema = pyarrow.schema([(name, pyarrow.string()) for name in columns])
    with pyarrow.parquet.ParquetWriter(f"{directory}/m.parquet", schema, compression="snappy") as writer:
        for _ in range(10):
            writer.write_table(table.cast(schema))


def small_files(directory):
    event.count = 100_000
    for number in range(event.count):
        write(f"{directory}/{number % 100}/{number}.jsonl", [event(number)])


def many_users(directory):
    event.count = 1_000_000
    write(f"{directory}/m.jsonl", (event(number, f"person{number}@example.com") + "\n" for number in range(event.count)))


BOMBS = {
    "1 GB of JSON": (of_json, 4_000_000, 0),
    "1 GB on one line": (one_line, 20, 3),
    "gzip, 9 MB that unpack to 9.7 GB": (gzip_bomb, 0, 3),
    "Parquet, 100 million equal rows": (parquet_bomb, 0, 3),
    "100,000 files of a row": (small_files, 100_000, 0),
    "a million users": (many_users, 1_000_000, 0),
}


def memory(binary, directory, kept):
    print(f"{'--memory_limit=' + str(LIMIT) + 'MB':36} {'MB':>6} {'s':>7} {'rows':>10}  exit")
    for name, (make, rows, code) in BOMBS.items():
        place = f"{directory}/memory"
        os.makedirs(place)
        good(place)
        make(place)
        ended = run(binary, [*RUN, f"--input_glob={place}/**/*", *OUT], directory)
        words = f"{name:36} {ended[2]:6.0f} {ended[1]:7.1f} {ended[3]:10}  {ended[0]}"
        fits = ended[2] <= LIMIT + 150 and ended[3] == rows + 1_000 and ended[0] == code
        print(words if fits else words + "  !", flush=True)
        kept.append({"input": name, "code": ended[0], "seconds": ended[1], "megabytes": ended[2], "rows": ended[3]})
        shutil.rmtree(place)


def orders(count):
    shuffled = list(range(count))
    random.Random(1).shuffle(shuffled)
    return {"in order": range(count), "backwards": range(count - 1, -1, -1), "shuffled": shuffled}


def times(binary, directory, sizes, kept):
    print(f"\n{'µs a row':44}" + "".join(f"{rows:>12,}" for rows in sizes) + "   last / first")
    table = {}
    for rows in sizes:
        event.count = rows
        for order, numbers in orders(rows).items():
            for files in (1, 50):
                for ending in ("jsonl", "jsonl.gz"):
                    if files > 1 and order == "backwards":
                        continue
                    place = f"{directory}/times"
                    size = len(numbers) // files
                    for file in range(files):
                        write(f"{place}/{file:02}.{ending}", lines(numbers[file * size : (file + 1) * size]))
                    for megabytes in (512, 64, 8):
                        if megabytes != 64 and ending != "jsonl":
                            continue
                        words = [*RUN, f"--input_glob={place}/*", f"--batch_megabytes={megabytes}", *OUT]
                        code, seconds, peak, read = run(binary, words, directory)
                        if code != 0 or read != rows:
                            sys.exit(f"{words}: exit code {code}, {read} rows")
                        name = f"{order}, {files} {ending}, {megabytes} MB a batch"
                        table.setdefault(name, []).append(seconds / rows * 1e6)
                        kept.append({"input": name, "rows": rows, "seconds": seconds, "megabytes": peak})
                    shutil.rmtree(place)
    for name, row in table.items():
        print(f"{name:44}" + "".join(f"{micros:12.2f}" for micros in row) + f"{row[-1] / row[0]:15.2f}")


def main():
    here = os.path.dirname(os.path.abspath(__file__))
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", default=f"{here}/../target/release/morpheus")
    parser.add_argument("--directory")
    parser.add_argument("--only", choices=("memory", "time"))
    parser.add_argument("--rows", default="100000,1000000,5000000")
    parser.add_argument("--save", action="store_true")
    options = parser.parse_args()
    binary = os.path.abspath(options.binary)
    kept = {"memory": [], "time": []}
    with tempfile.TemporaryDirectory(dir=options.directory) as directory:
        if options.only != "time":
            memory(binary, directory, kept["memory"])
        if options.only != "memory":
            times(binary, directory, [int(rows) for rows in options.rows.split(",")], kept["time"])
    if options.save:
        name = datetime.datetime.now(datetime.timezone.utc).strftime("bounds-%Y-%m-%dT%H%M.json")
        with open(f"{here}/runs/{name}", "w") as file:
            json.dump(kept, file, indent=1)


if __name__ == "__main__":
    main()
