"""Our fANOVA beside Optuna's on the same 500 trials of 10 parameters.

Usage: importance.py SWEEP SEEDS. Trials are drawn and told through ask-tell, so both judge the same. Optuna measures a
logarithmic range by the number itself, so that a tenth of the trials has nine tenths of the weight; it is given such a
parameter's logarithm as the number. It takes a list for as many independent switches as the list has values, so that
part of the weight is on configurations that there are not, as one with two values or none; ours does as well, so that
both say the same. What that does is seen by a forest of the same library, with the same settings and a switch a value,
that is measured on the values that lists have. What the function itself says stands beside all.
Prints Markdown.
"""

import json
import math
import random
import subprocess
import sys
import time
import warnings

import numpy
import optuna
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from scipy.stats import spearmanr
from sklearn.ensemble import RandomForestRegressor

warnings.simplefilter("ignore")
optuna.logging.set_verbosity(optuna.logging.ERROR)
TRIALS, TIME_MS, POINTS = 500, 300.0, 20_000
# Configurations that marginals are means over, and cells of a range.
DRAWS, CELLS = 800, 24


def number(name, low=0.0, high=1.0, log=False):
    return {"name": name, "type": "float", "low": low, "high": high, "log": log}


def whole(name, low, high):
    return {"name": name, "type": "int", "low": low, "high": high}


def words(name, *choices):
    return {"name": name, "type": "cat", "choices": list(choices)}


TEN = [number(f"x{n}") for n in range(10)]


def graded(c):
    """Ten bowls, each shallower than the one before, and one interaction."""
    return sum((10 - n) * (c[f"x{n}"] - 0.3) ** 2 * (1.5 - n % 2 / 2) for n in range(10)) + 3 * c["x0"] * c["x1"]


def together(c):
    """x0 and x1 matter only together, and more than the others, each of which matters by itself."""
    return 24 * (c["x0"] - 0.5) * (c["x1"] - 0.5) + sum((n - 1) * c[f"x{n}"] / 5 for n in range(2, 10))


TRAINING = [number("lr", 1e-5, 1.0, True), number("decay", 1e-6, 0.1, True), whole("layers", 1, 8), whole("width", 16, 512),
            words("act", "relu", "gelu", "tanh"), words("opt", "sgd", "adam", "rms", "lion"), number("dropout", 0.0, 0.5),
            number("momentum"), words("norm", "yes", "no"), number("warm", 0.0, 0.5)]


def training(c):
    """What a training may look like: two logarithmic ranges, whole numbers and lists."""
    lr, decay = math.log10(c["lr"]), math.log10(c["decay"])
    act, opt = {"relu": 0.0, "gelu": 0.3, "tanh": 1.5}[c["act"]], {"sgd": 1.2, "adam": 0.0, "rms": 0.5, "lion": 0.2}[c["opt"]]
    loss = 0.25 * (lr + 2.5) ** 2 + 0.15 * (decay + 4) ** 2 + 0.25 * abs(c["layers"] - 4) + act + opt * (1 + 0.2 * abs(lr + 3))
    return loss + 2 * c["dropout"] + 0.5 * c["momentum"] + 0.8 * (c["norm"] == "no") + abs(math.log(c["width"] / 200)) * 0.4 + 0.6 * c["warm"]


def drawn(parameter, generator):
    low, high = parameter.get("low"), parameter.get("high")
    if parameter["type"] == "cat":
        return generator.choice(parameter["choices"])
    if parameter["type"] == "int":
        return generator.randint(low, high)
    return math.exp(generator.uniform(math.log(low), math.log(high))) if parameter["log"] else generator.uniform(low, high)


def truth(space, function):
    """Each parameter's share in the sum of what all explain alone, by pairs of configurations that share it alone."""
    generator = random.Random(0)
    draw = lambda: {parameter["name"]: drawn(parameter, generator) for parameter in space}
    pairs = [(draw(), draw()) for _ in range(POINTS)]
    values = [function(one) for one, _ in pairs]
    mean = sum(values) / POINTS
    alone = []
    for parameter in space:
        name = parameter["name"]
        shared = [function({**other, name: one[name]}) for one, other in pairs]
        other = sum(shared) / POINTS
        alone.append(max(0.0, sum((a - mean) * (b - other) for a, b in zip(values, shared)) / POINTS))
    return [part / sum(alone) for part in alone]


def distribution(parameter):
    if parameter["type"] == "cat":
        return CategoricalDistribution(parameter["choices"])
    low, high = parameter["low"], parameter["high"]
    if parameter["type"] == "int":
        return IntDistribution(low, high)
    return FloatDistribution(math.log(low), math.log(high)) if parameter["log"] else FloatDistribution(low, high)


def by_values(space, params, values, seed):
    """Shares by a forest as Optuna's, but that every configuration of a marginal has one value of each list."""
    columns, places = [], []
    for parameter in space:
        places.append([])
        known = [c[parameter["name"]] for c in params]
        if parameter["type"] == "cat":
            rows = [[float(x == choice) for x in known] for choice in parameter["choices"]]
        else:
            scale = math.log if parameter.get("log") else float
            low, high = scale(parameter["low"]), scale(parameter["high"])
            rows = [[(scale(x) - low) / (high - low) for x in known]]
        for row in rows:
            places[-1].append(len(columns))
            columns.append(row)
    forest = RandomForestRegressor(n_estimators=64, max_depth=64, random_state=seed)
    forest.fit(numpy.array(columns).T, numpy.array(values))
    generator = numpy.random.default_rng(seed)
    drawn_rows = numpy.empty((DRAWS, len(columns)))
    cells = []
    for parameter, own in zip(space, places):
        is_list = parameter["type"] == "cat"
        cells.append(numpy.eye(len(own)) if is_list else (numpy.arange(CELLS)[:, None] + 0.5) / CELLS)
        drawn_rows[:, own] = cells[-1][generator.integers(0, len(own), DRAWS)] if is_list else generator.random((DRAWS, 1))
    spread = numpy.array([tree.predict(drawn_rows).var() for tree in forest.estimators_])
    alone = []
    for own, points in zip(places, cells):
        means = []
        for point in points:
            rows = drawn_rows.copy()
            rows[:, own] = point
            means.append([tree.predict(rows).mean() for tree in forest.estimators_])
        alone.append(float((numpy.array(means).var(0) / spread).mean()))
    return [part / sum(alone) for part in alone]


def compare(sweep, space, function, seed):
    """Shares by ours, by Optuna and by values, and how long each of the first two took."""
    peer = subprocess.Popen([sweep, "ask-tell", "--method", "random"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)

    def say(line):
        peer.stdin.write(json.dumps(line) + "\n")
        return json.loads(peer.stdout.readline())

    say({"op": "init", "space": space, "seed": seed, "budget": TRIALS})
    study = optuna.create_study()
    distributions = {parameter["name"]: distribution(parameter) for parameter in space}
    logs = {parameter["name"] for parameter in space if parameter.get("log")}
    told, values = [], []
    for _ in range(TRIALS):
        asked = say({"op": "ask"})
        value = function(asked["params"])
        told.append(asked["params"])
        values.append(value)
        say({"op": "tell", "id": asked["id"], "value": value})
        params = {name: math.log(x) if name in logs else x for name, x in asked["params"].items()}
        study.add_trial(optuna.trial.create_trial(params=params, distributions=distributions, value=value))
    begin = time.perf_counter()
    found = say({"op": "importance"})
    ours_ms = 1e3 * (time.perf_counter() - begin)
    peer.kill()
    begin = time.perf_counter()
    theirs = optuna.importance.get_param_importances(study, evaluator=optuna.importance.FanovaImportanceEvaluator(seed=seed))
    theirs_ms = 1e3 * (time.perf_counter() - begin)
    return {row["parameter"]: row for row in found["parameters"]}, theirs, by_values(space, told, values, seed), ours_ms, theirs_ms


def main():
    sweep, seeds = sys.argv[1], range(int(sys.argv[2]))
    verdicts = []
    for name, space, function in (("graded", TEN, graded), ("together", TEN, together), ("training", TRAINING, training)):
        for seed in seeds:
            ours, theirs, valued, ours_ms, theirs_ms = compare(sweep, space, function, seed)
            names = [parameter["name"] for parameter in space]
            shares = [ours[name]["share"] for name in names], [theirs[name] for name in names]
            rank = spearmanr(*shares)[0]
            apart = max(abs(a - b) for a, b in zip(*shares))
            from_values = max(abs(a - b) for a, b in zip(shares[0], valued))
            ok = lambda is_met: "pass" if is_met else "**FAIL**"
            verdicts.append(f"| {name}, seed {seed} | {rank:.3f} {ok(rank >= 0.9)} | {apart:.3f} {ok(apart <= 0.05)} | {from_values:.3f} | {ours_ms:.0f} {ok(ours_ms <= TIME_MS)} | {theirs_ms:.0f} |")
            if seed == 0:
                print(f"`{name}`: {function.__doc__} Shares of seed 0:\n")
                print("| | " + " | ".join(names) + " |\n|---|" + "---:|" * len(names))
                print("| sweep | " + " | ".join(f"{x:.3f}" for x in shares[0]) + " |")
                print("| Optuna | " + " | ".join(f"{x:.3f}" for x in shares[1]) + " |")
                print("| Optuna's forest, lists by their values | " + " | ".join(f"{x:.3f}" for x in valued) + " |")
                print("| the function itself | " + " | ".join(f"{x:.3f}" for x in truth(space, function)) + " |")
                print("| sweep, with all others | " + " | ".join(f"{ours[name]['total']:.3f}" for name in names) + " |\n")
    print(f"{TRIALS} trials of 10 parameters. Wanted: Spearman's rank correlation ≥ 0.9, no share apart by more than 0.05,")
    print(f"at most {TIME_MS:.0f} ms.\n")
    print("| | Spearman | most apart | most apart from Optuna's forest, lists by their values | ms | Optuna's ms |\n|---|---:|---:|---:|---:|---:|")
    print("\n".join(verdicts))


main()
