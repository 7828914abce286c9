#!/usr/bin/env python3
"""Multinomial logistic regression on the iris data, with only the standard library.

One run trains on every fold of a k-fold cross-validation side by side. After each epoch it
reports the mean held-out loss, and at the end the held-out accuracy over all 150 flowers.

Each option takes its default from an environment variable of the same name (`lr`, `batch_size`,
`l2`, `epochs`), so in a job that slurm-sweep started no options are needed at all. SWEEP_FOLDS,
SWEEP_SEED, SWEEP_METRICS and SWEEP_BUDGET (epochs in all) are obeyed where they are set; none has
to be.

After each epoch the whole state is saved in SWEEP_CHECKPOINT_OUT, where that folder exists. A run
goes on from its own checkpoint if there is one, else from the one in SWEEP_CHECKPOINT_IN, with
whatever settings it has now: a promoted trial does not start from zero.

It never reads a clock and never draws from an unseeded generator: the same options and seed
print the same lines.
"""

import argparse
import csv
import json
import math
import os
import random
import sys
from pathlib import Path

DATA = Path(__file__).resolve().parent / "iris.csv"


def main():
    options = parse_options()
    rows, labels, species = read_flowers(DATA)
    if options.folds > len(rows):
        sys.exit(f"train.py: {options.folds} folds need more than the {len(rows)} rows there are")
    checkpoint = Checkpoint(options.checkpoint, env("SWEEP_CHECKPOINT_IN", None))
    saved = checkpoint.read()
    # Other folds would show the model what it is to be judged on, so it keeps those it began with.
    seed, parts = (saved["seed"], saved["folds"]) if saved else (options.seed, options.folds)
    # A string seed goes through SHA-512 inside `random`, so any text is a seed, on any machine.
    rng = random.Random(seed)
    folds = [
        Fold(rows, labels, len(species), held_out) for held_out in split(len(rows), parts, rng)
    ]
    begin = checkpoint.restore(saved, rng, folds)
    until = checkpoint.until(saved, options)
    if saved:
        print(f"goes on from step {begin} of {saved['trial']}", flush=True)

    with Report(os.environ.get("SWEEP_METRICS")) as report:
        loss = mean_loss(folds)
        for step in range(begin + 1, until + 1):
            for fold in folds:
                fold.train_epoch(options, rng)
            loss = mean_loss(folds)
            # A rate that is too high overflows. Say so and fail: a trial without an accuracy is
            # easier to see than one with a wrong accuracy.
            if not math.isfinite(loss):
                sys.exit(f"train.py: the loss is {loss} at step {step}; use a smaller --lr")
            report.line({"step": step, "loss": round(loss, 6)})
            checkpoint.write(seed, until, step, rng, folds)
        correct = sum(fold.correct() for fold in folds)
        report.line({"accuracy": round(correct / len(rows), 6), "loss": round(loss, 6)})


def parse_options():
    """Reads the command line, then the environment, then the defaults."""
    parser = argparse.ArgumentParser(description="Logistic regression on the iris data.")
    # argparse also runs `type` over a default that is text, so a bad variable is an error too.
    parser.add_argument("--lr", type=positive, default=env("lr", "0.1"), help="step size")
    parser.add_argument("--batch-size", type=count, default=env("batch_size", "16"))
    parser.add_argument("--l2", type=not_negative, default=env("l2", "0.001"), help="weight decay")
    epochs = env("epochs", env("SWEEP_BUDGET", "120"))
    parser.add_argument("--epochs", type=count, default=epochs, help="epochs in all")
    parser.add_argument("--more", type=count, help="epochs beyond the checkpoint's, in place of --epochs")
    parser.add_argument(
        "--checkpoint", default=env("SWEEP_CHECKPOINT_OUT", None), help="folder to save the state in"
    )
    options = parser.parse_args()
    options.seed = env("SWEEP_SEED", "0")
    try:
        options.folds = int(env("SWEEP_FOLDS", "5"))
    except ValueError:
        parser.error(f"SWEEP_FOLDS is not a whole number: {os.environ['SWEEP_FOLDS']!r}")
    if options.folds < 2:
        parser.error("SWEEP_FOLDS must be 2 or more")
    return options


def env(name, default):
    """An empty variable counts as one that is not set."""
    return os.environ.get(name) or default


def positive(text):
    value = float(text)
    if not (0 < value < math.inf):
        raise argparse.ArgumentTypeError(f"must be above 0: {text!r}")
    return value


def not_negative(text):
    value = float(text)
    if not (0 <= value < math.inf):
        raise argparse.ArgumentTypeError(f"must be 0 or more: {text!r}")
    return value


def count(text):
    # A budget may come as 9 or as 9.0.
    value = float(text)
    if not value.is_integer() or value < 1:
        raise argparse.ArgumentTypeError(f"must be a whole number, 1 or more: {text!r}")
    return int(value)


def read_flowers(path):
    """Returns the four measurements of each flower, its class number, and the class names."""
    with open(path, newline="", encoding="ascii") as file:
        table = list(csv.reader(file))[1:]
    species = sorted({row[-1] for row in table})
    rows = [[float(cell) for cell in row[:-1]] for row in table]
    return rows, [species.index(row[-1]) for row in table], species


def split(total, parts, rng):
    """Shuffles the row numbers and deals them out like cards, so parts differ by one at most."""
    order = list(range(total))
    rng.shuffle(order)
    return [order[part::parts] for part in range(parts)]


class Fold:
    """One model, the rows it learns from, and the rows it is judged on."""

    def __init__(self, rows, labels, classes, held_out):
        hidden = set(held_out)
        known = [i for i in range(len(rows)) if i not in hidden]
        # The scale comes from the training rows alone. Taking it from all rows would let the
        # held-out ones leak into the model.
        scale = [mean_and_deviation([rows[i][j] for i in known]) for j in range(len(rows[0]))]
        self.training = [(standardised(rows[i], scale), labels[i]) for i in known]
        self.testing = [(standardised(rows[i], scale), labels[i]) for i in held_out]
        self.order = list(range(len(known)))
        # One row of weights a class; the last weight is the bias, fed by the constant 1.
        self.weights = [[0.0] * (len(scale) + 1) for _ in range(classes)]

    def train_epoch(self, options, rng):
        # Each epoch shuffles the order that the one before left.
        rng.shuffle(self.order)
        for start in range(0, len(self.order), options.batch_size):
            batch = self.order[start : start + options.batch_size]
            self.descend([self.training[i] for i in batch], options)

    def descend(self, batch, options):
        """One step down the gradient of the batch's mean cross-entropy plus l2/2 times |w|²."""
        gradient = [[0.0] * len(row) for row in self.weights]
        for flower, label in batch:
            for k, chance in enumerate(self.chances(flower)):
                error = chance - (k == label)
                row = gradient[k]
                for j, value in enumerate(flower):
                    row[j] += error * value
        for weights, slopes in zip(self.weights, gradient):
            bias = len(weights) - 1
            for j, slope in enumerate(slopes):
                decay = 0.0 if j == bias else options.l2 * weights[j]
                weights[j] -= options.lr * (slope / len(batch) + decay)

    def chances(self, flower):
        """Softmax. The largest score is taken off first, so that exp cannot overflow."""
        scores = [sum(w * x for w, x in zip(row, flower)) for row in self.weights]
        top = max(scores)
        powers = [math.exp(score - top) for score in scores]
        total = sum(powers)
        return [power / total for power in powers]

    def losses(self):
        # A chance that underflows to 0 would make the logarithm fail.
        floor = sys.float_info.min
        return [-math.log(max(self.chances(flower)[label], floor)) for flower, label in self.testing]

    def correct(self):
        right = 0
        for flower, label in self.testing:
            chances = self.chances(flower)
            right += chances.index(max(chances)) == label
        return right


def mean_loss(folds):
    losses = [loss for fold in folds for loss in fold.losses()]
    return math.fsum(losses) / len(losses)


def mean_and_deviation(column):
    mean = math.fsum(column) / len(column)
    variance = math.fsum((value - mean) ** 2 for value in column) / len(column)
    return mean, math.sqrt(variance) or 1.0


def standardised(row, scale):
    return [(value - mean) / deviation for value, (mean, deviation) in zip(row, scale)] + [1.0]


class Checkpoint:
    """The state after an epoch, in one file that is replaced whole."""

    NAME = "state.json"

    def __init__(self, folder, parent):
        folder = Path(folder) if folder else None
        self.path = folder / self.NAME if folder and folder.is_dir() else None
        self.parent = Path(parent) / self.NAME if parent else None
        self.trial = env("SWEEP_TRIAL", "this run")

    def read(self):
        """This run's own state where there is one, else its parent's."""
        for path in (self.path, self.parent):
            if path and path.exists():
                return json.loads(path.read_text(encoding="ascii"))
        return None

    def restore(self, saved, rng, folds):
        """Puts everything back to where it was; returns the step."""
        if not saved:
            return 0
        version, numbers, gauss = saved["rng"]
        rng.setstate((version, tuple(numbers), gauss))
        for fold, (weights, order) in zip(folds, saved["models"]):
            fold.weights, fold.order = weights, order
        return saved["step"]

    def until(self, saved, options):
        """The last step of this run. An attempt that was cut off aims where it aimed before."""
        if options.more is None:
            return options.epochs
        if saved and saved["trial"] == self.trial:
            return saved["until"]
        return (saved["step"] if saved else 0) + options.more

    def write(self, seed, until, step, rng, folds):
        if not self.path:
            return
        state = {
            "trial": self.trial,
            "seed": seed,
            "folds": len(folds),
            "step": step,
            "until": until,
            "rng": rng.getstate(),
            "models": [(fold.weights, fold.order) for fold in folds],
        }
        # Whoever is killed half-way leaves the file of the epoch before.
        beside = self.path.with_suffix(".new")
        beside.write_text(json.dumps(state), encoding="ascii")
        os.replace(beside, self.path)


class Report:
    """Prints each line, and adds it to the metrics file where there is one."""

    def __init__(self, path):
        self.path = path
        self.file = None

    def __enter__(self):
        if self.path:
            try:
                # Added to, not replaced: an earlier attempt of the same trial keeps its lines.
                self.file = open(self.path, "a", encoding="ascii")
            except OSError as error:
                sys.exit(f"train.py: cannot write the metrics file: {error}")
        return self

    def __exit__(self, *_):
        if self.file:
            self.file.close()

    def line(self, values):
        text = json.dumps(values)
        # Flushed at once, so that a run which is killed leaves what it had reached.
        print(text, flush=True)
        if self.file:
            self.file.write(text + "\n")
            self.file.flush()


if __name__ == "__main__":
    main()
