"""Bayesian search beside rivals over a harness's problems: every seed, medians, ranks and paired tests.

Usage: core.py HARNESS SWEEP OUT SEEDS WORKERS. Ours and the cheap rivals run now; runs of the dear ones are read from
the harness's `rivals/`. Prints Markdown. A figure is normalised regret: 0 is the optimum, 1 the median of random draws.
"""

import collections
import glob
import json
import math
import os
import pathlib
import statistics
import subprocess
import sys

from scipy.stats import rankdata, wilcoxon

HARNESS, SWEEP, OUT, SEEDS, WORKERS = pathlib.Path(sys.argv[1]), sys.argv[2], sys.argv[3], int(sys.argv[4]), int(sys.argv[5])
BUDGETS, RUNS = (50, 100, 200), 200
CHEAP = ("tpe-group", "cma", "random")
TPE = "tpe-group"
FLOOR = 1e-4
BARS = {1: {50: 0.0070, 100: 0.0028, 200: 0.0017}, 8: {50: 0.018, 100: 0.0055}}
MS_BARS = {100: 5.0, 200: 12.0}


def run():
    """Every run that is not in OUT yet; ours from the start."""
    ours = pathlib.Path(OUT, "sweep.jsonl")
    kept = [line for line in ours.read_text().splitlines() if json.loads(line)["workers"] != WORKERS] if ours.exists() else []
    os.makedirs(OUT, exist_ok=True)
    ours.write_text("".join(f"{line}\n" for line in kept))
    racers = [["--cmd", f"{SWEEP} ask-tell --method bayes", "--name", "sweep"]] + [["--opt", rival] for rival in CHEAP]
    for racer in racers:
        command = [sys.executable, str(HARNESS / "bench.py"), *racer, "--seeds", f"0-{SEEDS - 1}"]
        command += ["--budget", str(RUNS), "--workers", str(WORKERS)]
        print("==>", " ".join(racer), file=sys.stderr, flush=True)
        subprocess.run(command, check=True, env={**os.environ, "BENCH_OUT": OUT}, stdout=sys.stderr)


def read():
    """Traces and times by racer, then by problem and seed; of two the one that was run now."""
    traces, times = collections.defaultdict(dict), collections.defaultdict(dict)
    for path in sorted(glob.glob(f"{HARNESS}/rivals/*.jsonl")) + sorted(glob.glob(f"{OUT}/*.jsonl")):
        name = pathlib.Path(path).stem
        for line in open(path):
            row = json.loads(line)
            if row["workers"] == WORKERS and row["seed"] < SEEDS:
                key = row["problem"], row["seed"]
                if len(row["trace"]) >= len(traces[name].get(key, ())):
                    traces[name][key], times[name][key] = row["trace"], row["ask_ms"]
    return traces, times


def table(head, rows):
    print("| " + " | ".join(head) + " |\n|---|" + "---:|" * (len(head) - 1))
    for row in rows:
        print("| " + " | ".join(row) + " |")
    print()


def main():
    run()
    traces, times = read()
    problems = list(dict.fromkeys(problem for problem, _ in traces["sweep"]))
    names = ["sweep"] + sorted(name for name in traces if name != "sweep")
    verdicts = []

    def judge(what, value, bar):
        verdicts.append([what, f"{value:.4g}", f"≤ {bar:g}", "pass" if value <= bar else "**FAIL**"])

    def at(name, problem, budget):
        return [trace[budget - 1] for (of, _), trace in sorted(traces[name].items()) if of == problem and len(trace) >= budget]

    def gmnr(name, keys, budget):
        return math.exp(statistics.fmean(math.log(max(traces[name][key][budget - 1], FLOOR)) for key in keys))

    workers = "one worker" if WORKERS == 1 else f"{WORKERS} asynchronous workers"
    print(f"{len(problems)} problems, seeds 0 to {SEEDS - 1}, {workers}. Ours, {', '.join(CHEAP)} ran now; others were read from")
    print("the harness, which has some of their runs only.\n")
    for budget in BUDGETS:
        have = [name for name in names if any(len(trace) >= budget for trace in traces[name].values())]
        full = [name for name in have if all(len(traces[name].get(key, ())) >= budget for key in traces["sweep"])]
        print(f"#### {workers.capitalize()}, {budget} evaluations: median normalised regret\n")
        rows, lost, worst = [], 0, (0.0, "")
        for problem in problems:
            medians = {name: statistics.median(at(name, problem, budget)) for name in have if at(name, problem, budget)}
            best = min(medians.values())
            cells = [f"{'**' if medians[name] == best else ''}{medians[name]:.2g}{'**' if medians[name] == best else ''}" if name in medians else "" for name in have]
            rows.append([problem, *cells])
            ratio = medians["sweep"] / max(medians[TPE], 1e-12)
            lost += ratio > 1.0
            worst = max(worst, (ratio, problem))
        keys = list(traces["sweep"])
        rows.append(["GMNR", *(f"{gmnr(name, keys, budget):.4f}" if name in full else "" for name in have)])
        ranks = collections.defaultdict(list)
        for key in keys:
            values = [round(math.log10(max(traces[name][key][budget - 1], 1e-8)), 4) for name in full]
            for name, rank in zip(full, rankdata(values)):
                ranks[name].append(rank)
        rows.append(["mean rank", *(f"{statistics.fmean(ranks[name]):.2f}" if name in full else "" for name in have)])
        asked = {name: [statistics.median(ms[budget - 10 : budget]) for ms in times[name].values() if len(ms) >= budget] for name in have}
        rows.append(["ms an ask", *(f"{statistics.median(asked[name]):.2f}" for name in have)])
        table(["", *have], rows)
        rows = []
        for rival in have[1:]:
            shared = [key for key in keys if len(traces[rival].get(key, ())) >= budget]
            if len(shared) < 2:
                continue
            apart = [round(math.log10(max(traces["sweep"][key][budget - 1], 1e-8)) - math.log10(max(traces[rival][key][budget - 1], 1e-8)), 6) for key in shared]
            p = wilcoxon(apart).pvalue if any(apart) else 1.0
            won, ties = sum(a < 0 for a in apart), sum(a == 0 for a in apart)
            quotient = f"{gmnr('sweep', shared, budget):.4f} / {gmnr(rival, shared, budget):.4f}"
            rows.append([rival, str(len(shared)), f"{won} / {ties} / {len(shared) - won - ties}", quotient, f"{p:.2g}"])
        print("Against each rival on the same problems and seeds; p is that of Wilcoxon's signed-rank test, two-sided:\n")
        table(["rival", "runs of both", "won / tied / lost", "GMNR ours / theirs", "p"], rows)
        if budget in BARS.get(WORKERS, {}):
            judge(f"GMNR at {budget}, {workers}", gmnr("sweep", keys, budget), BARS[WORKERS][budget])
        if WORKERS == 1:
            judge(f"worst median at {budget}, in medians of {TPE} ({worst[1]})", worst[0], 1.2)
            if budget in MS_BARS:
                judge(f"ms an ask at {budget}", statistics.median(asked["sweep"]), MS_BARS[budget])
        elif budget == 50:
            judge(f"medians lost to {TPE} at 50, {workers}", lost, 2)
    table(["bar", "seen", "wanted", ""], verdicts)
    print("Every seed, regret at " + " / ".join(map(str, BUDGETS)) + f", ours and {TPE}'s:\n")
    shown = lambda name, key: " / ".join(f"{traces[name][key][budget - 1]:.2g}" for budget in BUDGETS if len(traces[name].get(key, ())) >= budget)
    table(["problem", "seed", "sweep", TPE], [[key[0], str(key[1]), shown("sweep", key), shown(TPE, key)] for key in sorted(traces["sweep"])])


main()
