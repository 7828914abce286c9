"""The package by itself: no sweep and no library is needed. `python3 -m unittest` runs it."""

import json
import os
import subprocess
import sys
import tempfile
import types
import unittest
from pathlib import Path
from unittest import mock

SOURCE = str(Path(__file__).resolve().parent.parent / "src")
# Where the wheel is installed, that is what is tested.
if "SLURM_SWEEP_INSTALLED" not in os.environ:
    sys.path.insert(0, SOURCE)

import slurm_sweep  # noqa: E402
from slurm_sweep import callbacks  # noqa: E402


class Trial(unittest.TestCase):
    """A folder, and the environment of a trial in it."""

    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.sweep = Path(folder.name)
        self.folder = self.sweep / "trials" / "t003"
        self.folder.mkdir(parents=True)
        self.environment = {
            "SWEEP_PARAMS": '{"lr": 1, "depth": 3, "warm": true, "solver": "1e-4", "opt.beta": 0.5}',
            "SWEEP_TRIAL": "t003",
            "SWEEP_SEED": "17",
            "SWEEP_BUDGET": "27",
            "SWEEP_DIR": str(self.sweep),
            "SWEEP_TRIAL_DIR": str(self.folder),
            "SWEEP_METRICS": str(self.folder / "metrics.jsonl"),
            "SWEEP_CHECKPOINT_OUT": str(self.folder / "checkpoint"),
        }
        changed = mock.patch.dict(os.environ, self.environment)
        changed.start()
        self.addCleanup(changed.stop)

    def lines(self) -> list:
        return [json.loads(line) for line in (self.folder / "metrics.jsonl").read_text().splitlines()]

    def test_parameters_have_their_types(self) -> None:
        params = slurm_sweep.params(lr=0.1, momentum=0.9)
        expected = {"lr": 1.0, "depth": 3, "warm": True, "solver": "1e-4", "opt.beta": 0.5, "momentum": 0.9}
        self.assertEqual(params, expected)
        types_ = {name: type(value) for name, value in params.items()}
        self.assertEqual((types_["lr"], types_["depth"], types_["warm"]), (float, int, bool))
        self.assertEqual((slurm_sweep.trial(), slurm_sweep.seed(), slurm_sweep.budget()), ("t003", 17, 27.0))

    def test_a_report_is_a_line_that_sweep_reads(self) -> None:
        slurm_sweep.report(step=3, loss=0.25, solver="saga")
        slurm_sweep.report({"val/acc": 1}, loss=float("nan"))
        slurm_sweep.final("success")
        self.assertEqual(
            self.lines(),
            [{"step": 3, "loss": 0.25, "solver": "saga"}, {"val/acc": 1, "loss": "nan"}, {"final": "success"}],
        )

    def test_a_number_of_another_library_is_a_number(self) -> None:
        scalar = types.SimpleNamespace(item=lambda: 0.5)
        slurm_sweep.report(loss=scalar)
        self.assertEqual(self.lines(), [{"loss": 0.5}])

    def test_what_is_no_metric_is_refused(self) -> None:
        with self.assertRaises(ValueError):
            slurm_sweep.report({"step": 1})
        with self.assertRaises(TypeError):
            slurm_sweep.report(loss=[1])
        with self.assertRaises(ValueError):
            slurm_sweep.final("done")
        self.assertFalse((self.folder / "metrics.jsonl").exists())

    def test_processes_that_report_at_once_never_mix_their_lines(self) -> None:
        code = "import slurm_sweep\nfor n in range(200): slurm_sweep.report(step=n, who='%s', text='x' * 300)"
        path = os.pathsep.join(sys.path)
        writers = [
            subprocess.Popen([sys.executable, "-c", code % who], env={**os.environ, "PYTHONPATH": path})
            for who in "abc"
        ]
        self.assertEqual([writer.wait() for writer in writers], [0, 0, 0])
        for who in "abc":
            self.assertEqual([line["step"] for line in self.lines() if line["who"] == who], list(range(200)))

    def test_a_veto_or_a_stopped_sweep_ends_a_loop(self) -> None:
        for mark in (self.folder / "veto", self.sweep / "stopped"):
            done = []
            for step in slurm_sweep.steps(10, start=2):
                done.append(step)
                if step == 4:
                    mark.touch()
            self.assertEqual(done, [2, 3, 4])
            mark.unlink()
        self.assertEqual(list(slurm_sweep.steps(3)), [0, 1, 2])

    def test_a_checkpoint_is_whole_or_not_there(self) -> None:
        self.assertIsNone(slurm_sweep.checkpoint_from())
        slurm_sweep.save_checkpoint("model", lambda path: path.write_text("one"))

        def broken(path: Path) -> None:
            path.write_text("tw")
            raise OSError("the disk is full")

        with self.assertRaises(OSError):
            slurm_sweep.save_checkpoint("model", broken)
        path = slurm_sweep.load_checkpoint("model")
        assert path is not None
        self.assertEqual(path.read_text(), "one")
        self.assertEqual(os.listdir(slurm_sweep.checkpoint_dir()), ["model"])
        self.assertIsNone(slurm_sweep.load_checkpoint("other"))

    def test_a_trials_own_checkpoint_goes_before_its_parents(self) -> None:
        parent = self.sweep / "parent"
        parent.mkdir()
        (parent / "model").write_text("parent's")
        with mock.patch.dict(os.environ, {"SWEEP_CHECKPOINT_IN": str(parent)}):
            slurm_sweep.checkpoint_dir()
            self.assertEqual(slurm_sweep.checkpoint_from(), parent)
            (slurm_sweep.checkpoint_dir() / ".model.1").write_text("cut off")
            self.assertEqual(slurm_sweep.checkpoint_from(), parent)
            slurm_sweep.save_checkpoint("model", lambda path: path.write_text("own"))
            self.assertEqual(slurm_sweep.checkpoint_from(), slurm_sweep.checkpoint_dir())

    def test_keras_reports_epochs_and_stops(self) -> None:
        module = types.ModuleType("keras.callbacks")
        module.Callback = object  # type: ignore[attr-defined]
        with mock.patch.dict(sys.modules, {"keras": types.ModuleType("keras"), "keras.callbacks": module}):
            callback = callbacks.keras()
        callback.model = types.SimpleNamespace(stop_training=False)
        callback.on_epoch_end(0, {"loss": 0.5})
        self.assertFalse(callback.model.stop_training)
        (self.folder / "veto").touch()
        callback.on_epoch_end(1, {"loss": 0.4})
        self.assertTrue(callback.model.stop_training)
        self.assertEqual(self.lines(), [{"step": 0, "loss": 0.5}, {"step": 1, "loss": 0.4}])

    def test_lightning_reports_what_was_validated_and_stops(self) -> None:
        module = types.ModuleType("lightning.pytorch.callbacks")
        module.Callback = object  # type: ignore[attr-defined]
        names = ("lightning", "lightning.pytorch")
        fakes = {**{name: types.ModuleType(name) for name in names}, module.__name__: module}
        with mock.patch.dict(sys.modules, fakes):
            callback = callbacks.lightning()
        trainer = types.SimpleNamespace(
            sanity_checking=True, is_global_zero=True, callback_metrics={"loss": "0.5"}, current_epoch=4,
            should_stop=False,
        )
        callback.on_validation_end(trainer, None)
        trainer.sanity_checking = False
        (self.folder / "veto").touch()
        callback.on_validation_end(trainer, None)
        self.assertTrue(trainer.should_stop)
        self.assertEqual(self.lines(), [{"step": 4, "loss": 0.5}])


class Outside(unittest.TestCase):
    """No sweep anywhere."""

    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        before = os.getcwd()
        os.chdir(folder.name)
        self.addCleanup(os.chdir, before)
        kept = {name: value for name, value in os.environ.items() if not name.startswith("SWEEP_")}
        changed = mock.patch.dict(os.environ, kept, clear=True)
        changed.start()
        self.addCleanup(changed.stop)

    def test_a_program_runs_unchanged(self) -> None:
        self.assertFalse(slurm_sweep.in_sweep())
        self.assertEqual(slurm_sweep.params(lr=0.1), {"lr": 0.1})
        self.assertEqual(list(slurm_sweep.steps(2)), [0, 1])
        slurm_sweep.report(step=1, loss=0.5)
        self.assertEqual((slurm_sweep.trial(), slurm_sweep.seed(3), slurm_sweep.budget()), (None, 3, None))
        self.assertIsNone(slurm_sweep.load_checkpoint("model"))
        self.assertEqual(os.listdir("."), [])
        slurm_sweep.save_checkpoint("model", lambda path: path.write_text("x"))
        self.assertIsNotNone(slurm_sweep.load_checkpoint("model"))


if __name__ == "__main__":
    unittest.main()
