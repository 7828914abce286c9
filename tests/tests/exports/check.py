"""Loads what `sweep export` wrote with the tools that it was written for, and compares it with the JSON lines of the
same sweep. Each check prints one line of what was seen, and fails where a value differs."""

import glob
import json
import math
import os
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from datetime import datetime, timezone


def lines(path):
    with open(path) as file:
        return [json.loads(line) for line in file]


TRIALS = lines("trials.jsonl")
METRICS = [row for row in lines("metrics.jsonl") if row["value"] is not None]
NAMES = list(TRIALS[0])
PARAMETERS = ["lr", "solver", "warm"]
SERIES = {}
for row in METRICS:
    SERIES.setdefault((row["trial"], row["metric"]), []).append((row["step"], row["value"]))


def say(tool, text):
    print(f"{tool}: {text}")


def same_time(text, value):
    """RFC 3339 with nanoseconds against a time of pyarrow, which Python keeps to the microsecond."""
    if text is None:
        return value is None
    return datetime.fromisoformat(text[:26].rstrip("Z") + "+00:00") == value.replace(tzinfo=timezone.utc)


def parquet():
    import pyarrow
    import pyarrow.compute
    import pyarrow.parquet

    table = pyarrow.parquet.read_table("trials.parquet")
    assert table.column_names == NAMES, table.column_names
    # pyarrow makes nanoseconds only with pandas; microseconds are as good here.
    for name in ("started", "ended"):
        cast = pyarrow.compute.floor_temporal(table[name], unit="microsecond").cast(pyarrow.timestamp("us"), safe=False)
        table = table.set_column(table.column_names.index(name), name, cast)
    for row, expected in zip(table.to_pylist(), TRIALS):
        for name in NAMES:
            if name in ("started", "ended"):
                assert same_time(expected[name], row[name]), (name, row[name], expected[name])
            else:
                assert row[name] == expected[name], (name, row[name], expected[name])
    reported = pyarrow.parquet.read_table("metrics.parquet")
    assert reported.num_rows == len(lines("metrics.jsonl"))
    say(f"pyarrow {pyarrow.__version__}", f"{table.num_rows} rows of {len(NAMES)} columns, and {reported.num_rows} reports, as in the JSON lines")


def sqlite():
    database = sqlite3.connect("all.db")
    database.row_factory = sqlite3.Row
    rows = [dict(row) for row in database.execute("select * from trials order by trial_index")]
    assert len(rows) == len(TRIALS)
    for row, expected in zip(rows, TRIALS):
        assert row == expected, (row, expected)
    count = database.execute("select count(*) from metrics where value is not null").fetchone()[0]
    assert count == len(METRICS)
    named = [row[0] for row in database.execute("select \"column\" from dictionary where \"table\" = 'trials' order by position")]
    assert named == NAMES
    say(f"sqlite3 {sqlite3.sqlite_version}", f"{len(rows)} trials, {count} numbers, a dictionary of {len(named)} columns")


def mlflow():
    os.environ["MLFLOW_ALLOW_FILE_STORE"] = "true"
    import mlflow as tool
    from mlflow.tracking import MlflowClient

    client = MlflowClient(tracking_uri="file://" + os.path.abspath("mlruns"))
    experiments = [e for e in client.search_experiments() if e.name != "Default"]
    assert len(experiments) == 1, experiments
    runs = client.search_runs([experiments[0].experiment_id], max_results=1000)
    assert len(runs) == len(TRIALS)
    states = {"completed": "FINISHED", "failed": "FAILED"}
    points = 0
    for run in runs:
        trial = next(t for t in TRIALS if t["trial"] == run.data.tags["sweep.trial"])
        assert run.info.status == states[trial["state"]], (run.info.status, trial["state"])
        assert run.info.run_name == (trial["name"] or trial["trial"])
        expected = {name: trial[name] for name in PARAMETERS if trial[name] is not None}
        read = {name: json.loads(text) if name != "solver" else text for name, text in run.data.params.items()}
        assert read == expected, (read, expected)
        for (label, key), series in SERIES.items():
            if label == trial["trial"]:
                history = client.get_metric_history(run.info.run_id, key.replace("/", "_"))
                assert [(m.step, m.value) for m in history] == series, (history, series)
                points += len(history)
    best = client.search_runs([experiments[0].experiment_id], "params.solver = 'saga'", order_by=["metrics.loss"])
    assert best and all(run.data.params["solver"] == "saga" for run in best)
    # The store is theirs now: it takes more.
    client.set_tag(runs[0].info.run_id, "seen", "yes")
    client.log_metric(runs[0].info.run_id, "after", 1.0)
    say(f"mlflow {tool.__version__}", f"{len(runs)} runs with their parameters, {points} points of their metrics, searched by parameter, and written to")


def tensorboard():
    import tensorboard.version

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    program = os.path.join(os.path.dirname(sys.executable), "tensorboard")
    server = subprocess.Popen(
        [program, "--logdir", "logs", "--host", "127.0.0.1", "--port", str(port)],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )
    url = f"http://127.0.0.1:{port}/data/plugin"

    def ask(path, body=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(url + path, data, {"Content-Type": "application/json"})
        return json.load(urllib.request.urlopen(request, timeout=30))

    try:
        deadline = time.monotonic() + 120
        while True:
            assert time.monotonic() < deadline and server.poll() is None, "tensorboard does not answer"
            try:
                tags = ask("/scalars/tags")
                if len(tags) == len(TRIALS):
                    break
            except OSError:
                pass
            time.sleep(0.2)
        points = 0
        for (label, key), series in SERIES.items():
            query = urllib.parse.urlencode({"run": label, "tag": key})
            read = [(step, value) for _, step, value in ask(f"/scalars/scalars?{query}")]
            assert len(read) == len(series), (label, key, read, series)
            for (step, value), (expected_step, expected) in zip(read, series):
                assert step == expected_step and math.isclose(value, expected, rel_tol=1e-6), (read, series)
            points += len(read)
        experiment = ask("/hparams/experiment", {"experimentName": ""})
        assert [info["name"] for info in experiment["hparamInfos"]] == PARAMETERS, experiment
        groups = ask(
            "/hparams/session_groups",
            {
                "experimentName": "",
                "allowedStatuses": ["STATUS_UNKNOWN", "STATUS_SUCCESS", "STATUS_FAILURE", "STATUS_RUNNING"],
                "colParams": [{"hparam": name} for name in PARAMETERS],
                "startIndex": 0,
                "sliceSize": 1000,
                "aggregationType": "AGGREGATION_AVG",
            },
        )["sessionGroups"]
        sessions = [session for group in groups for session in group["sessions"]]
        assert len(sessions) == len(TRIALS), len(sessions)
        status = {"completed": "STATUS_SUCCESS", "failed": "STATUS_FAILURE"}
        for group in groups:
            for session in group["sessions"]:
                trial = next(t for t in TRIALS if t["trial"] == session["name"])
                assert session["status"] == status[trial["state"]], session
                for name in PARAMETERS:
                    assert group["hparams"].get(name) == trial[name], (name, group["hparams"], trial)
        values = [metric["value"] for group in groups for metric in group["metricValues"]]
        assert values, groups
    finally:
        server.terminate()
        server.wait()
    say(f"tensorboard {tensorboard.version.VERSION}", f"{len(sessions)} sessions in {len(groups)} groups, {points} points, through its own server")


def framed(path):
    """The records of a file in LevelDB's log format, behind W&B's seven bytes; blocks have 32 KiB."""
    with open(path, "rb") as file:
        data = file.read()
    at, whole = 7, b""
    while at + 7 <= len(data):
        left = 32768 - at % 32768
        if left < 7:
            at += left
            continue
        length, kind = int.from_bytes(data[at + 4 : at + 6], "little"), data[at + 6]
        whole += data[at + 7 : at + 7 + length]
        at += 7 + length
        if kind in (1, 4):
            yield whole
            whole = b""


def wandb():
    import wandb as tool
    from wandb.proto import wandb_internal_pb2

    environment = {**os.environ, "WANDB_MODE": "offline", "WANDB_SILENT": "true"}
    script = sys.argv[2]
    subprocess.run([sys.executable, script, "trials.jsonl", "metrics.jsonl", "proof"], env=environment, check=True)
    found = {}
    for path in glob.glob("wandb/offline-run-*/run-*.wandb"):
        run, points = None, 0
        for data in framed(path):
            record = wandb_internal_pb2.Record()
            record.ParseFromString(data)
            if record.WhichOneof("record_type") == "run" and run is None:
                run = record.run
            if record.WhichOneof("record_type") == "history":
                keys = [item.key or "/".join(item.nested_key) for item in record.history.item]
                points += sum(not key.startswith("_") for key in keys)
        config = {item.key: json.loads(item.value_json) for item in run.config.update}
        found[run.display_name] = (config, points)
    assert len(found) == len(TRIALS), list(found)
    for trial in TRIALS:
        config, points = found[trial["name"] or trial["trial"]]
        for name in PARAMETERS:
            assert trial[name] is None or config[name] == trial[name], (config, trial)
        assert points == sum(len(s) for (label, _), s in SERIES.items() if label == trial["trial"]), points
    say(f"wandb {tool.__version__}", f"{len(found)} offline runs through its own library, their records read back by its own messages")


def schemas():
    from importlib.metadata import version

    import jsonschema

    def ask(*words):
        return subprocess.run(["sweep", *words], check=True, capture_output=True, text=True).stdout

    validators = {}
    for line in ask("schema").splitlines():
        name = line.split()[0]
        schema = json.loads(ask("schema", name))
        jsonschema.Draft202012Validator.check_schema(schema)
        validators[name] = jsonschema.Draft202012Validator(schema)
    reports = {"plan": ["plan", "sweep.yaml"], "show": ["show", "t001"], "importance": ["importance", "--pairs"]}
    reports |= {name: [name] for name in ("status", "top", "list", "doctor")}
    for name, words in reports.items():
        # `doctor` says by its exit code that something is amiss here.
        said = subprocess.run(["sweep", *words, "--format", "json"], capture_output=True, text=True).stdout
        validators[name].validate(json.loads(said))
    manifest = glob.glob(".sweeps/*/sweep.json")[0]
    with open(manifest) as file:
        validators["manifest"].validate(json.load(file))
    found = {"event": ".sweeps/*/events/*.jsonl", "record": ".sweeps/*/trials/*/record.*"}
    count = 0
    for name, pattern in found.items():
        rows = [row for path in glob.glob(pattern) for row in lines(path)]
        assert rows, pattern
        for row in rows:
            validators[name].validate(row)
        count += len(rows)
    try:
        validators["status"].validate({})
        raise AssertionError("an empty status fits its schema")
    except jsonschema.ValidationError:
        pass
    fit = ", ".join([*reports, "manifest"])
    say(f"jsonschema {version('jsonschema')}", f"{len(validators)} schemas of draft 2020-12; {fit} and {count} events and records fit theirs")


globals()[sys.argv[1]]()
