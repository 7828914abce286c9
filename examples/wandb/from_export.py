"""Bring a sweep's trials into W&B through its own library, without a network:

    sweep export --as jsonl -o trials.jsonl
    sweep export --as jsonl --table metrics -o metrics.jsonl
    WANDB_MODE=offline python from_export.py trials.jsonl metrics.jsonl PROJECT

`wandb sync wandb/offline-run-*` sends them later, from where there is a network.
"""
import json
import sys

import wandb


def lines(path):
    with open(path) as file:
        return [json.loads(line) for line in file]


trials, project = lines(sys.argv[1]), sys.argv[3]
reports = {}
for row in lines(sys.argv[2]):
    if row["value"] is not None:
        steps = reports.setdefault(row["trial"], {})
        steps.setdefault(row["step"], {})[row["metric"]] = row["value"]

# What every sweep has stands first, up to this column; what follows is the sweep's own.
LAST = "memory_peak_kib"
for trial in trials:
    names = list(trial)
    own = names[names.index(LAST) + 1 :]
    config = {name: trial[name] for name in own if trial[name] is not None}
    name = trial["name"] or trial["trial"]
    run = wandb.init(project=project, name=name, config=config, tags=[trial["state"]], reinit=True)
    for step, values in sorted(reports.get(trial["trial"], {}).items()):
        run.log(values, step=step)
    run.finish(exit_code=0 if trial["state"] == "completed" else 1)
