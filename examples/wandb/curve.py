"""What a W&B file with early stopping runs: a falling loss, reported after each epoch. Its report tells it when to stop."""

import os
import subprocess

rate, epochs = float(os.environ["learning_rate"]), int(os.environ["epochs"])
for epoch in range(1, epochs + 1):
    loss = abs(rate - 0.03) + 1 / epoch
    told = subprocess.run(["sweep", "log", f"val_loss={loss}", f"--step={epoch}"], check=False)
    if told.returncode == 3:
        print("told to stop after epoch", epoch)
        break
