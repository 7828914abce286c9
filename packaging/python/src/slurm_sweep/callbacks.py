"""Callbacks for libraries that have them: they report what the library measures, and end training when told to.

A library is imported when its callback is asked for, and never before.
"""

from typing import Any

from . import report, should_stop

__all__ = ["keras", "lightning"]


def keras() -> Any:
    """For `model.fit(..., callbacks=[slurm_sweep.callbacks.keras()])`: the logs of each epoch."""
    from keras.callbacks import Callback

    class Report(Callback):  # type: ignore[misc]
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            report(logs or {}, step=epoch)
            if should_stop():
                self.model.stop_training = True

    return Report()


def lightning() -> Any:
    """For `Trainer(callbacks=[slurm_sweep.callbacks.lightning()])`: `callback_metrics` after each validation."""
    try:
        from lightning.pytorch.callbacks import Callback
    except ImportError:
        from pytorch_lightning.callbacks import Callback

    class Report(Callback):  # type: ignore[misc]
        def on_validation_end(self, trainer: Any, pl_module: Any) -> None:
            if not trainer.sanity_checking and trainer.is_global_zero:
                metrics = trainer.callback_metrics
                report({name: float(value) for name, value in metrics.items()}, step=trainer.current_epoch)
            # Every process asks, so all of them stop together.
            if should_stop():
                trainer.should_stop = True

    return Report()
