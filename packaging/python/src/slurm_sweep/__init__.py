"""What a trial says and asks: its parameters, what it reports, whether to stop, where its checkpoints are.

Everything works outside a sweep too: parameters are the given defaults, reports go nowhere, nothing asks to stop.
It must never write to standard output, which belongs to the program, nor need anything but Python itself.
"""

import json
import math
import os
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, Mapping, Optional, Union

__all__ = [
    "Value",
    "budget",
    "checkpoint_dir",
    "checkpoint_from",
    "final",
    "in_sweep",
    "load_checkpoint",
    "params",
    "report",
    "save_checkpoint",
    "seed",
    "should_stop",
    "steps",
    "trial",
]

Value = Union[bool, int, float, str]

#: Where checkpoints go outside a sweep, in the current folder.
_OUTSIDE = "checkpoint"


def in_sweep() -> bool:
    """Whether this program runs as a trial."""
    return "SWEEP_PARAMS" in os.environ


def trial() -> Optional[str]:
    """The trial's label, such as `t003`."""
    return os.environ.get("SWEEP_TRIAL")


def params(**defaults: Value) -> Dict[str, Value]:
    """The trial's parameters with their types, over the given defaults.

    A whole number where the default is a float becomes a float: `1` for `lr=0.1` is `1.0`. A parameter that does not
    count in this trial is absent, unless it has a default here.
    """
    values: Dict[str, Value] = dict(defaults)
    for name, value in json.loads(os.environ.get("SWEEP_PARAMS", "{}")).items():
        default = defaults.get(name)
        if isinstance(default, float) and isinstance(value, int) and not isinstance(value, bool):
            value = float(value)
        values[name] = value
    return values


def seed(default: int = 0) -> int:
    """The trial's own seed; replicates of one configuration differ in it."""
    return int(os.environ.get("SWEEP_SEED", default))


def budget(default: Optional[float] = None) -> Optional[float]:
    """What the search gave this trial to spend, such as epochs; the default where the search has no budgets."""
    text = os.environ.get("SWEEP_BUDGET")
    return default if text is None else float(text)


def report(metrics: Optional[Mapping[str, Any]] = None, *, step: Optional[int] = None, **named: Any) -> None:
    """Reports metrics: `report(step=3, loss=0.2)`, or `report({"val/loss": 0.2}, step=3)`.

    One line of JSON is appended with one write, so several processes of a trial may report at once.
    """
    line: Dict[str, Any] = {}
    if step is not None:
        line["step"] = int(step)
    for name, value in {**(metrics or {}), **named}.items():
        if name == "step":
            raise ValueError("`step` is no metric: write report(..., step=N)")
        line[name] = _plain(value)
    _append(line)


def final(word: str) -> None:
    """Says how the trial ended: `success` when it did all that it was to do, `stopped` when it obeyed."""
    if word not in ("success", "stopped"):
        raise ValueError(f"`{word}` is neither `success` nor `stopped`")
    _append({"final": word})


def should_stop() -> bool:
    """Whether the search has ended this trial, or somebody the sweep: save what is needed, and return."""
    sweep, folder = os.environ.get("SWEEP_DIR"), os.environ.get("SWEEP_TRIAL_DIR")
    stopped = sweep is not None and os.path.exists(os.path.join(sweep, "stopped"))
    return stopped or (folder is not None and os.path.exists(os.path.join(folder, "veto")))


def steps(count: int, start: int = 0) -> Iterator[int]:
    """The numbers from `start` to `count`, until the search says stop; for loops of any library."""
    for step in range(start, count):
        if should_stop():
            return
        yield step


def checkpoint_dir() -> Path:
    """Where this trial leaves its checkpoints; the folder is made."""
    folder = Path(os.environ.get("SWEEP_CHECKPOINT_OUT", _OUTSIDE))
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def checkpoint_from() -> Optional[Path]:
    """The folder to go on from: the trial's own, after a requeue, else its parent's; None where there is neither."""
    for name in (os.environ.get("SWEEP_CHECKPOINT_OUT", _OUTSIDE), os.environ.get("SWEEP_CHECKPOINT_IN")):
        if name is not None and os.path.isdir(name):
            # What was being written when the trial was cut off does not count.
            if any(not entry.startswith(".") for entry in os.listdir(name)):
                return Path(name)
    return None


def load_checkpoint(name: str) -> Optional[Path]:
    """A file of the checkpoint to go on from, or None where there is none."""
    folder = checkpoint_from()
    path = folder / name if folder is not None else None
    return path if path is not None and path.exists() else None


def save_checkpoint(name: str, write: Callable[[Path], Any]) -> Path:
    """Leaves a checkpoint: `write` gets a path to write to, which takes its name only when it is complete."""
    path = checkpoint_dir() / name
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        write(beside)
        with open(beside, "rb") as file:
            os.fsync(file.fileno())
        os.replace(beside, path)
    finally:
        if beside.exists():
            beside.unlink()
    return path


def _plain(value: Any) -> Any:
    """A value as JSON has it: numbers of numpy and torch become Python's, and what is not finite its name."""
    if hasattr(value, "item") and not isinstance(value, (bool, int, float, str)):
        value = value.item()
    if value is None or isinstance(value, (bool, str)):
        return value
    if isinstance(value, int):
        return value
    number = float(value)
    return number if math.isfinite(number) else str(number)


def _append(line: Dict[str, Any]) -> None:
    path = os.environ.get("SWEEP_METRICS")
    if path is None:
        return
    data = (json.dumps(line) + "\n").encode()
    file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
    try:
        # One write is one line, whoever else reports; only a full disk makes it shorter.
        while data:
            data = data[os.write(file, data) :]
    finally:
        os.close(file)
