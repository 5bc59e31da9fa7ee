"""pandas on the same log files: CSV by `read_csv`, CloudTrail JSON by `json.load` and `json_normalize`.

usage: read_pandas.py FILE...
Prints megabytes and seconds, the median of five reads, as JSON.
"""
import json
import sys
import time
from pathlib import Path

import pandas as pd


def read(path):
    if path.suffix == ".csv":
        return pd.read_csv(path)
    with open(path, encoding="utf-8") as file:
        return pd.json_normalize(json.load(file)["Records"])


files = [Path(name) for name in sys.argv[1:]]
seconds = []
for _ in range(5):
    start = time.process_time()
    for path in files:
        read(path)
    seconds.append(time.process_time() - start)
megabytes = sum(path.stat().st_size for path in files) / 1e6
print(json.dumps({"megabytes": megabytes, "seconds": sorted(seconds)[len(seconds) // 2]}))
