"""Epochs that a scheduler spends until the best value seen is as good as each level, over the harness's real curves.

Usage: epochs.py HARNESS SWEEP SEEDS. A level is normalised regret: 0 is the best value of all curves, 1 the median of
their ends. Eight workers on a virtual clock; 20 full trainings are the most, and what does not reach a level in them
counts as all of them. Prints a Markdown table: each seed's epochs, then medians, then the geometric mean of how many
times as many the rival needs.
"""

import heapq
import math
import statistics
import sys

sys.path.insert(0, sys.argv[1])
import mf  # noqa: E402  the harness

LEVELS = (0.25, 0.1, 0.05)
WORKERS, TRAININGS = 8, 20
RIVAL = "Optuna Hyperband pruner"


def epochs(curves, make, seed):
    """Epochs until each of LEVELS is reached."""
    import numpy

    budget = TRAININGS * curves.R
    scheduler = make(curves, seed, WORKERS, budget)
    pace = numpy.random.default_rng(seed + 5)
    events, factors, done, found = [], {}, {}, {}
    spent, order, idle, now, best = 0, 0, WORKERS, 0.0, math.inf

    def push(number, config, epoch, until):
        nonlocal order
        order += 1
        heapq.heappush(events, (now + curves.epoch_cost(config) * factors[number], order, number, config, epoch, until))

    def fill():
        nonlocal idle
        while idle > 0 and (given := scheduler.next()) is not None:
            number, config, until = given
            idle -= 1
            factors.setdefault(number, float(pace.lognormal(0, 0.25)))
            push(number, config, done.get(number, 0) + 1, until)

    fill()
    while spent < budget and events and len(found) < len(LEVELS):
        now, _, number, config, epoch, until = heapq.heappop(events)
        spent += 1
        done[number] = epoch
        value = curves.value(config, epoch)
        best = min(best, value)
        regret = (best - curves.best) / (curves.med - curves.best)
        for level in LEVELS:
            if regret <= level:
                found.setdefault(level, spent)
        if scheduler.report(number, epoch, value) and epoch < until:
            push(number, config, epoch + 1, until)
        else:
            idle += 1
        fill()
    if hasattr(scheduler, "p"):
        scheduler.p.kill()
    return [found.get(level, budget) for level in LEVELS]


def main():
    sweep, seeds = sys.argv[2], range(int(sys.argv[3]))
    curves = mf.Digits()

    def ours(method):
        return lambda *arguments: mf.Ext(*arguments, cmd=f"{sweep} ask-tell --method {method}")

    racers = {f"sweep {method}": ours(method) for method in ("asha", "hyperband", "halving", "asha-stop", "median")}
    racers[RIVAL] = mf.SCHED["optuna-hb"]
    racers["Optuna successive halving pruner"] = mf.SCHED["optuna-sha"]
    racers["Optuna median pruner"] = mf.SCHED["optuna-median"]
    racers["random, no stop"] = mf.SCHED["random"]
    taken = {name: [epochs(curves, make, seed) for seed in seeds] for name, make in racers.items()}

    print(f"Epochs until a normalised regret of {', '.join(map(str, LEVELS))} on {len(curves.V)} real curves of")
    print(f"{curves.R} epochs, {WORKERS} workers, at most {TRAININGS * curves.R} epochs. `times` is the geometric mean over")
    print(f"seeds of how many times as many epochs the {RIVAL} needs.\n")
    print("| | " + " | ".join(f"median to {level}" for level in LEVELS) + " | " + " | ".join("times" for _ in LEVELS) + " |")
    print("|---|" + "---:|" * (2 * len(LEVELS)))
    for name, rows in taken.items():
        columns = list(zip(*rows))
        ratios = [
            math.exp(statistics.fmean(math.log(theirs[place] / own[place]) for theirs, own in zip(taken[RIVAL], rows)))
            for place in range(len(LEVELS))
        ]
        medians = " | ".join(f"{statistics.median(column):.0f}" for column in columns)
        print(f"| {name} | {medians} | " + " | ".join(f"{ratio:.2f}" for ratio in ratios) + " |")
    print("\nEvery seed, epochs to " + " / ".join(map(str, LEVELS)) + ":\n")
    print("| seed | " + " | ".join(taken) + " |")
    print("|---|" + "---|" * len(taken))
    for seed in seeds:
        print(f"| {seed} | " + " | ".join("/".join(map(str, rows[seed])) for rows in taken.values()) + " |")


main()
