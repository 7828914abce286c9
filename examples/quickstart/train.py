#!/usr/bin/env python3
"""Fits a straight line to 256 noisy points by gradient descent, and reports how well it fits.

The smallest trainer that is still one: settings come in as environment variables, the result goes
out as a line of JSON. It runs outside a sweep just the same. It never draws unseeded numbers.
"""

import json
import os
import random

LR = float(os.environ.get("LR", "0.001"))
BATCH_SIZE = int(os.environ.get("BATCH_SIZE", "32"))
EPOCHS = 20

rng = random.Random(7)
points = [(x, 3 * x + 2 + rng.gauss(0, 0.1)) for x in (rng.uniform(-1, 1) for _ in range(256))]

slope, intercept = 0.0, 0.0
for _ in range(EPOCHS):
    rng.shuffle(points)
    for start in range(0, len(points), BATCH_SIZE):
        batch = points[start : start + BATCH_SIZE]
        errors = [(slope * x + intercept - y, x) for x, y in batch]
        slope -= LR * 2 * sum(error * x for error, x in errors) / len(batch)
        intercept -= LR * 2 * sum(error for error, _ in errors) / len(batch)

loss = sum((slope * x + intercept - y) ** 2 for x, y in points) / len(points)
result = json.dumps({"loss": round(loss, 6), "slope": round(slope, 4), "intercept": round(intercept, 4)})
print(result)
if os.environ.get("SWEEP_METRICS"):
    with open(os.environ["SWEEP_METRICS"], "a", encoding="ascii") as file:
        file.write(result + "\n")
