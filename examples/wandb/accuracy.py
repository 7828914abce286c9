"""What a W&B file with a Bayesian search runs: an accuracy that rises, reported after each epoch, until it is told to stop."""

import math
import os
import subprocess

rate, dropout = float(os.environ["learning_rate"]), float(os.environ["dropout"])
off = (math.log10(rate) + 2.5) ** 2 / 4 + (dropout - 0.2) ** 2 + abs(int(os.environ["units"]) - 256) / 2000
best = 0.95 - 0.3 * off - (0.05 if os.environ["optimizer"] == "sgd" else 0)
for epoch in range(1, 10):
    told = subprocess.run(["sweep", "log", f"val_accuracy={best - 0.4 / epoch}", f"--step={epoch}"], check=False)
    if told.returncode == 3:
        break
