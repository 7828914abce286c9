"""Bayesian search on problems and seeds that nothing was chosen by: textbook functions that the harness has not, and the
harness's own problems on other seeds.

Usage: others.py HARNESS SWEEP OUT. Ours, Optuna's TPE, Sobol and random run now, by the harness's own adapters. Prints
Markdown. Regret is that of the function without its noise at the best that was seen.
"""

import json
import math
import os
import pathlib
import statistics
import sys

import numpy

sys.path.insert(0, sys.argv[1])
import bench  # noqa: E402  the harness
import problems as harness  # noqa: E402

SWEEP, OUT = sys.argv[2], pathlib.Path(sys.argv[3])
SEEDS, OTHER_SEEDS, BUDGETS, FLOOR = range(100, 110), range(10, 15), (50, 100), 1e-4
TPE = "tpe-group"
RACERS = {
    "sweep": lambda *setting: bench.External(*setting, cmd=f"{SWEEP} ask-tell --method bayes"),
    **{name: bench.ADAPTERS[name] for name in (TPE, "sobol", "random")},
}
number, whole, words = harness.fl, harness.it, harness.ct


def line(count, low=0.0, high=1.0):
    return [number(f"x{n}", low, high) for n in range(count)]


def drawing(seed):
    """Draws that are not those of a racer with the same seed."""
    return numpy.random.default_rng((seed, 4711))


def moved(seed, count, spread=0.3):
    """Where the optimum is, in shares of the range."""
    return drawing(seed).uniform(0.5 - spread, 0.5 + spread, count)


def of_shares(count, function, low, high):
    """A problem on the unit cube whose optimum, 0, lies where the seed puts it; `function` has it at `0`."""

    def make(seed):
        at = moved(seed, count)
        return line(count), lambda c: function(numpy.array([c[f"x{n}"] for n in range(count)]) - at, high - low), 0.0

    return make


def ackley(z, width):
    z = z * width
    return -20 * math.exp(-0.2 * math.sqrt((z * z).mean())) - math.exp(numpy.cos(2 * math.pi * z).mean()) + 20 + math.e


def levy(z, width):
    w = 1 + z * width / 4
    body = ((w[:-1] - 1) ** 2 * (1 + 10 * numpy.sin(math.pi * w[:-1] + 1) ** 2)).sum()
    return math.sin(math.pi * w[0]) ** 2 + body + (w[-1] - 1) ** 2 * (1 + math.sin(2 * math.pi * w[-1]) ** 2)


def griewank(z, width):
    z = z * width
    return (z * z).sum() / 4000 + 1 - float(numpy.cos(z / numpy.sqrt(numpy.arange(1, len(z) + 1))).prod())


def bowl(z, _):
    return float((numpy.arange(1, len(z) + 1) * z * z).sum())


def rosenbrock(seed):
    def value(c):
        x = numpy.array([c[f"x{n}"] for n in range(5)])
        return float((100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2).sum())

    return line(5, -2.0, 2.0), value, 0.0


def michalewicz(seed):
    order = drawing(seed).permutation(5)

    def value(c):
        x = numpy.array([c[f"x{n}"] for n in range(5)])[order]
        return -float((numpy.sin(x) * numpy.sin(numpy.arange(1, 6) * x * x / math.pi) ** 20).sum())

    return line(5, 0.0, math.pi), value, -4.687658


def hartmann(seed):
    plain = harness.hartmann6(seed)
    generator = drawing(seed)
    order, turned = generator.permutation(6), generator.random(6) < 0.5

    def value(c):
        return plain._f({f"x{n}": 1 - c[f"x{order[n]}"] if turned[n] else c[f"x{order[n]}"] for n in range(6)})

    return line(6), value, plain.fstar


def network(seed):
    """Layers that have widths, and optimisers that have settings of their own."""
    a = moved(seed, 9)
    space = [words("layers", "123"), words("opt", ["sgd", "adam", "lion"]), number("lr", 1e-5, 1.0, True), number("decay", 1e-7, 0.1, True)]
    space += [whole(f"width{n}", 8, 512, True, {"param": "layers", "in": [str(k) for k in range(n, 4)]}) for n in (1, 2, 3)]
    space += [number("momentum", 0.0, 0.99, False, {"param": "opt", "in": ["sgd"]}), words("nesterov", ["yes", "no"], {"param": "opt", "in": ["sgd"]})]
    space += [number("beta", 0.5, 0.999, False, {"param": "opt", "in": ["adam", "lion"]})]
    best = {name: 0.06 * place for place, name in enumerate(drawing(seed).permutation(["sgd", "adam", "lion"]))}

    def value(c):
        depth, rate = int(c["layers"]), math.log10(c["lr"]) / 5 + 1
        loss = best[c["opt"]] + {1: 0.1, 2: 0.0, 3: 0.02}[depth] + 1.5 * (rate - a[0] - 0.1 * (c["opt"] == "sgd")) ** 2
        loss += 0.3 * (math.log10(c["decay"]) / 6 + 7 / 6 - a[1]) ** 2
        loss += sum(0.4 / depth * (math.log(c[f"width{n}"] / 8) / math.log(64) - a[1 + n]) ** 2 for n in range(1, depth + 1))
        if c["opt"] == "sgd":
            return loss + 0.5 * (c["momentum"] - a[5]) ** 2 + 0.03 * (c["nesterov"] == "no")
        return loss + 0.4 * ((c["beta"] - 0.5) / 0.499 - a[6]) ** 2

    # The least is that of two layers, but for what rounding a width and a momentum below 0.99 leave.
    return space, value, 0.0


def mixed(seed):
    """Whole numbers, lists and numbers, none of them conditional."""
    generator, a = drawing(seed), moved(seed, 4)
    costs = [generator.permutation([0.0, 0.1, 0.25, 0.5, 0.9]) for _ in range(3)]
    space = [words(f"c{n}", "abcde") for n in range(3)] + [whole(f"k{n}", 0, 20) for n in range(3)] + line(4)

    def value(c):
        lists = sum(cost["abcde".index(c[f"c{n}"])] for n, cost in enumerate(costs))
        steps = sum(((c[f"k{n}"] - round(20 * a[n])) / 20) ** 2 for n in range(3))
        near = sum((c[f"x{n}"] - a[n]) ** 2 for n in range(4))
        return 0.4 * lists + 2 * steps + 2 * near + 0.8 * abs(c["x0"] - a[0]) * (c["c0"] != "a")

    best = 0.0  # where every list has its cheapest and every number its place
    return space, value, best


def valleys(seed):
    """Rastrigin's function on whole numbers and numbers."""
    at = drawing(seed).integers(5, 16, 2)
    space = [whole("k0", 0, 20), whole("k1", 0, 20), number("x0", -4.0, 6.0), number("x1", -6.0, 4.0)]

    def value(c):
        z = numpy.array([(c["k0"] - at[0]) / 3, (c["k1"] - at[1]) / 3, c["x0"] - 1, c["x1"] + 1])
        return float((z * z - 2 * numpy.cos(2 * math.pi * z) + 2).sum())

    return space, value, 0.0


PROBLEMS = {
    "Ackley, 5": of_shares(5, ackley, -16, 16),
    "Levy, 6": of_shares(6, levy, -10, 10),
    "Griewank, 6": of_shares(6, griewank, -50, 50),
    "Rosenbrock, 5": rosenbrock,
    "Michalewicz, 5": michalewicz,
    "Hartmann, 6, turned": hartmann,
    "bowl, 20": of_shares(20, bowl, 0, 1),
    "Ackley, 20": of_shares(20, ackley, -16, 16),
    "network, conditional": network,
    "mixed": mixed,
    "valleys, mixed": valleys,
    "noisy Levy, 6": of_shares(6, levy, -10, 10),
    "noisy network": network,
}


def problem(name, seed):
    """With the harness's scale; and how much noise a result has, in medians of random draws."""
    space, value, least = PROBLEMS[name](seed)
    return harness.P(name, space, value, least, seed), 0.1 if name.startswith("noisy") else 0.0


def race(made, noise, make, seed):
    """The regret of the best that was seen, after each trial."""
    racer, best, trace = make(made.space, seed, max(BUDGETS), 1), (math.inf, math.inf), []
    # The noise of a trial depends on its number and the seed, whoever races.
    errors = drawing(seed).normal(0.0, noise, max(BUDGETS)) * made.scale
    for error in errors:
        number_, params = racer.ask()
        value = made.f(params)
        best = min(best, (value + error, value))
        racer.tell(number_, value + error)
        trace.append(made.nr(best[1]))
    getattr(racer, "close", lambda: None)()
    return trace


def all_runs():
    """Regrets by problem, racer and seed; those of rivals are kept in OUT."""
    OUT.mkdir(parents=True, exist_ok=True)
    kept_at = OUT / "others.json"
    kept = json.loads(kept_at.read_text()) if kept_at.exists() else {}
    runs = {}
    cases = [(name, seed, lambda name=name, seed=seed: problem(name, seed)) for name in PROBLEMS for seed in SEEDS]
    cases += [(name, seed, lambda name=name, seed=seed: (harness.PROBLEMS[name](seed), 0.0)) for name in harness.PROBLEMS for seed in OTHER_SEEDS]
    for name, seed, make in cases:
        made, noise = make()
        for racer, start in RACERS.items():
            key = f"{racer}/{name}/{seed}"
            if racer == "sweep" or key not in kept:
                kept[key] = race(made, noise, start, seed)
            runs.setdefault(name, {}).setdefault(racer, {})[seed] = kept[key]
        print("==>", name, seed, file=sys.stderr, flush=True)
    kept_at.write_text(json.dumps({key: trace for key, trace in kept.items() if not key.startswith("sweep/")}))
    return runs


def show(title, names, runs):
    """Medians of every racer by problem, with the geometric mean of all."""
    gmnr = lambda values: math.exp(statistics.fmean(math.log(max(value, FLOOR)) for value in values))
    print(f"{title}\n")
    print("| | " + " | ".join(f"{racer}, {budget}" for budget in BUDGETS for racer in RACERS) + " |\n|---|" + "---:|" * len(BUDGETS) * len(RACERS))
    worse = []
    for name in names:
        cells = []
        for budget in BUDGETS:
            medians = {racer: statistics.median(trace[budget - 1] for trace in runs[name][racer].values()) for racer in RACERS}
            best = min(medians.values())
            cells += [f"**{median:.2g}**" if median == best else f"{median:.2g}" for median in medians.values()]
            if medians["sweep"] > 1.2 * medians[TPE]:
                worse.append(f"{name} at {budget} ({medians['sweep'] / medians[TPE]:.2f})")
        print(f"| {name} | " + " | ".join(cells) + " |")
    means = [gmnr([trace[budget - 1] for name in names for trace in runs[name][racer].values()]) for budget in BUDGETS for racer in RACERS]
    print("| GMNR | " + " | ".join(f"{mean:.4f}" for mean in means) + " |\n")
    print(f"Medians above 1.2 times {TPE}'s: {', '.join(worse) or 'none'}.\n")


def seeds(names, runs):
    print(f"| problem | sweep | {TPE} |\n|---|---|---|")
    for name in names:
        cells = [", ".join(f"{trace[-1]:.2g}" for trace in runs[name][racer].values()) for racer in ("sweep", TPE)]
        print(f"| {name} | " + " | ".join(cells) + " |")
    print()


def main():
    runs = all_runs()
    show(f"Median normalised regret after so many trials, seeds {SEEDS[0]} to {SEEDS[-1]}:", PROBLEMS, runs)
    show(f"The harness's problems on seeds {OTHER_SEEDS[0]} to {OTHER_SEEDS[-1]}:", harness.PROBLEMS, runs)
    print(f"Every seed after {BUDGETS[-1]} trials, in the order of the seeds:\n")
    seeds([*PROBLEMS, *harness.PROBLEMS], runs)


main()
