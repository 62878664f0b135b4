"""What the four rivals share: PyTorch Lightning's trainer without what costs time, and a clock for its steps."""

import time
from typing import Any

WARM_UP = 5  # steps of each fit that are not timed: building the trainer, first allocations


def quiet(**more: Any) -> dict[str, Any]:
    """No logger, checkpoints, progress bar, summary or validation: Lightning's own advice for speed."""
    return {
        "logger": False,
        "enable_checkpointing": False,
        "enable_progress_bar": False,
        "enable_model_summary": False,
        "num_sanity_val_steps": 0,
        "accelerator": "cpu",
        **more,
    }


def clock(base: type) -> Any:
    """A callback, of the Lightning that the caller uses, which notes when each step ended."""

    class Clock(base):  # type: ignore[misc]
        def __init__(self) -> None:
            self.ended: list[float] = []

        def __deepcopy__(self, memo: Any) -> Any:  # libraries copy the model with its trainer's arguments
            return self

        def on_train_batch_end(self, *_: Any, **__: Any) -> None:
            self.ended.append(time.perf_counter())

        def seconds(self) -> float:
            """From the end of the warm-up to the end of the last step."""
            return self.ended[-1] - self.ended[WARM_UP - 1]

    return Clock()
