"""The reference library on one user's log: read, train, score; prints the seconds of each as JSON.

usage: reference.py TRAINING.csv NEW.csv OUTPUT.csv
Settings are those of the peer's `train-ae`: 512, 500 | 512, relu, SGD at 0.01 x 0.99^epoch, batches of
512, noise 0.2, every category kept, 25 epochs.
"""
import json
import sys
import time

start = time.perf_counter()
import numpy as np
import pandas as pd
import torch
from dfencoder import AutoEncoder

from features import FEATURES

imported = time.perf_counter()


def read(path):
    table = pd.read_csv(path)
    # Text stays text whatever is missing in it, as the peer's reader makes it.
    features = [name for name in table.columns if name in FEATURES]
    return table[features].astype(object).where(table[features].notna(), "nan").astype(str)


training, new = read(sys.argv[1]), read(sys.argv[2])
done_reading = time.perf_counter()
torch.manual_seed(42)
np.random.seed(42)
model = AutoEncoder(
    encoder_layers=[512, 500], decoder_layers=[512], activation="relu", swap_p=0.2, lr=0.01,
    lr_decay=0.99, batch_size=512, logger="basic", verbose=False, optimizer="sgd", scaler="standard",
    min_cats=1, progress_bar=False, device="cpu",
)
model.fit(training, epochs=25)
trained = time.perf_counter()
scores = model.get_anomaly_score(new)
pd.DataFrame({"score": np.asarray(scores)}).to_csv(sys.argv[3])
end = time.perf_counter()
if len(scores) != len(new) or not model.categorical_fts:
    sys.exit("dfencoder took no column for a feature: its text columns must be of pandas' object type")
print(json.dumps({
    "import": imported - start, "read": done_reading - imported, "train": trained - done_reading,
    "score": end - trained, "threads": torch.get_num_threads(), "features": training.shape[1],
}))
