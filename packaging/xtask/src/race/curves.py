"""ASHA whose proposals come from the model, beside the harness's own promotion ASHA, over its learning curves.

Usage: curves.py HARNESS SWEEP SEEDS. Prints Markdown: the mean normalised regret after so many full trainings, then
every seed.
"""

import statistics
import sys

sys.path.insert(0, sys.argv[1])
import mf  # noqa: E402  the harness

WORKERS, TRAININGS = 8, 20
BARS = {2: 0.14, 3: 0.080, 5: 0.040, 10: 0.025}


def main():
    sweep, seeds = sys.argv[2], range(int(sys.argv[3]))
    curves = mf.Digits()

    def ours(words):
        return lambda *arguments: mf.Ext(*arguments, cmd=f"{sweep} ask-tell {words}")

    racers = {
        "sweep asha, bayes": ours("--method asha --proposals bayes"),
        "sweep asha": ours("--method asha"),
        "the harness's asha": mf.SCHED["asha"],
        "Optuna successive halving pruner": mf.SCHED["optuna-sha"],
        "random, no stop": mf.SCHED["random"],
    }
    runs = {}
    for name, make in racers.items():
        print("==>", name, file=sys.stderr, flush=True)
        runs[name] = [mf.simulate(curves, make, seed, WORKERS, TRAININGS) for seed in seeds]
    print(f"Mean normalised regret after k full trainings, {len(seeds)} seeds, {WORKERS} workers on a virtual clock.\n")
    print("| | " + " | ".join(f"k = {k}" for k in mf.KS) + " | busy |\n|---|" + "---:|" * (len(mf.KS) + 1))
    mean = lambda name, k: statistics.fmean(run[0][k] for run in runs[name] if k in run[0])
    for name, of in runs.items():
        busy = statistics.fmean(run[2] for run in of)
        print(f"| {name} | " + " | ".join(f"{mean(name, k):.3f}" for k in mf.KS) + f" | {busy:.2f} |")
    print("\n| bar | seen | wanted | |\n|---|---:|---:|---|")
    for k, bar in BARS.items():
        seen = mean("sweep asha, bayes", k)
        print(f"| model-based ASHA at k = {k} | {seen:.4f} | ≤ {bar} | {'pass' if seen <= bar else '**FAIL**'} |")
    print("\nEvery seed, regret at k = 2 / 3 / 5 / 10:\n")
    print("| seed | " + " | ".join(runs) + " |\n|---|" + "---|" * len(runs))
    for seed in seeds:
        cells = [" / ".join(f"{of[seed][0][k]:.3f}" for k in BARS if k in of[seed][0]) for of in runs.values()]
        print(f"| {seed} | " + " | ".join(cells) + " |")


main()
