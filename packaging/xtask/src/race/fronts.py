"""Search by several metrics beside Optuna's samplers: the volume that the front dominates, on the same problems and seeds.

SWEEP SEEDS: the command, and so many seeds from 0. The problems are those of search/tests/fronts.
"""

import json
import math
import statistics
import subprocess
import sys
import warnings

warnings.filterwarnings("ignore")
import optuna

optuna.logging.set_verbosity(optuna.logging.ERROR)
AT = [25, 50, 100]


def zdt1(x):
    g = 1 + 9 * sum(x[f"x{n}"] for n in range(1, 6)) / 5
    return [x["x0"], g * (1 - math.sqrt(x["x0"] / g))]


def dtlz2(x):
    far = 1 + sum((x[f"x{n}"] - 0.5) ** 2 for n in range(2, len(x)))
    a, b = x["x0"] * math.pi / 2, x["x1"] * math.pi / 2
    return [far * math.cos(a) * math.cos(b), far * math.cos(a) * math.sin(b), far * math.sin(a)]


def network(x):
    """An error and a cost; none where training diverges."""
    if x["model"] == "linear":
        off = math.log10(x["penalty"]) + 3
        return [0.5 + 0.02 * off * off, 1.0]
    off = math.log10(x["rate"]) + 1 + 0.3 * x["layers"]
    if off > 1.5:
        return None
    size = x["layers"] * 0.6 + math.log2(x["width"]) - 4
    shape = {"relu": 0, "elu": 0.03, "tanh": 0.08}[x["shape"]]
    return [0.08 + 0.5 * math.exp(-0.45 * size) + 0.06 * off * off + shape, 1.2 + size * 0.9]


def line(count):
    return [{"name": f"x{n}", "type": "float", "low": 0.0, "high": 1.0} for n in range(count)]


LINEAR, NETWORK = ({"param": "model", "in": [model]} for model in ("linear", "network"))
LAYERED = [
    {"name": "model", "type": "cat", "choices": ["linear", "network"]},
    {"name": "penalty", "type": "float", "low": 1e-6, "high": 1.0, "log": True, "when": LINEAR},
    {"name": "rate", "type": "float", "low": 1e-5, "high": 1.0, "log": True, "when": NETWORK},
    {"name": "layers", "type": "int", "low": 1, "high": 6, "when": NETWORK},
    {"name": "width", "type": "cat", "choices": [16, 32, 64, 128, 256], "when": NETWORK},
    {"name": "shape", "type": "cat", "choices": ["relu", "tanh", "elu"], "when": NETWORK},
]
PROBLEMS = {
    "zdt1, 6-d": (line(6), zdt1, [1.1, 5.0]),
    "dtlz2, 4-d, 3 metrics": (line(4), dtlz2, [1.5] * 3),
    "dtlz2, 6-d, 3 metrics": (line(6), dtlz2, [1.5] * 3),
    "network": (LAYERED, network, [1.0, 8.0]),
}


def volume(points, reference):
    """What the points dominate below the reference."""
    points = sorted((p for p in points if all(a < b for a, b in zip(p, reference))), key=lambda p: p[-1])
    if len(reference) == 1:
        return reference[0] - points[0][0] if points else 0.0
    total, flat = 0.0, []
    for place, point in enumerate(points):
        flat.append(point[:-1])
        end = points[place + 1][-1] if place + 1 < len(points) else reference[-1]
        if end > point[-1]:
            total += (end - point[-1]) * volume(flat, reference[:-1])
    return total


def ours(method):
    def run(space, metrics, count, seed):
        peer = subprocess.Popen(
            [SWEEP, "ask-tell", "--method", method], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

        def say(**said):
            peer.stdin.write(json.dumps(said) + "\n")
            peer.stdin.flush()
            return json.loads(peer.stdout.readline())

        say(op="init", space=space, seed=seed, budget=AT[-1], directions=["minimize"] * count)
        for _ in range(AT[-1]):
            asked = say(op="ask")
            values = metrics(asked["params"])
            yield values
            say(op="tell", id=asked["id"], **({"values": values} if values else {}))
        peer.stdin.close()
        peer.wait()

    return run


def theirs(sampler):
    def run(space, metrics, count, seed):
        study = optuna.create_study(directions=["minimize"] * count, sampler=sampler(seed))
        for _ in range(AT[-1]):
            trial, x = study.ask(), {}
            for q in space:
                when = q.get("when")
                if when and x.get(when["param"]) not in when["in"]:
                    continue
                if q["type"] == "cat":
                    x[q["name"]] = trial.suggest_categorical(q["name"], q["choices"])
                else:
                    suggest = trial.suggest_int if q["type"] == "int" else trial.suggest_float
                    x[q["name"]] = suggest(q["name"], q["low"], q["high"], log=q.get("log", False))
            values = metrics(x)
            yield values
            if values:
                study.tell(trial, values)
            else:
                study.tell(trial, state=optuna.trial.TrialState.FAIL)

    return run


SWEEP, SEEDS = sys.argv[1], range(int(sys.argv[2]))
METHODS = {
    "sweep, bayes": ours("bayes"),
    "Optuna, TPE group": theirs(lambda seed: optuna.samplers.TPESampler(seed=seed, multivariate=True, group=True)),
    "Optuna, NSGA-II": theirs(lambda seed: optuna.samplers.NSGAIISampler(seed=seed, population_size=20)),
    "Optuna, random": theirs(lambda seed: optuna.samplers.RandomSampler(seed=seed)),
}
print(f"Mean volumes after {', '.join(map(str, AT))} trials over {len(SEEDS)} seeds, more is better, and on how many seeds")
print("ours was larger.\n")
print("| problem | method | " + " | ".join(map(str, AT)) + " |")
print("|---|---|" + "--:|" * len(AT))
for name, (space, metrics, reference) in PROBLEMS.items():
    found = {
        method: [list(run(space, metrics, len(reference), seed)) for seed in SEEDS] for method, run in METHODS.items()
    }
    volumes = {
        method: [[volume([v for v in run[:at] if v], reference) for at in AT] for run in runs]
        for method, runs in found.items()
    }
    mine = volumes["sweep, bayes"]
    for method, all_seeds in volumes.items():
        cells = []
        for place in range(len(AT)):
            won = sum(a[place] > b[place] for a, b in zip(mine, all_seeds))
            mean = statistics.mean(v[place] for v in all_seeds)
            cells.append(f"{mean:.3f}" + ("" if all_seeds is mine else f" ({won}/{len(SEEDS)})"))
        print(f"| {name} | {method} | " + " | ".join(cells) + " |", flush=True)
