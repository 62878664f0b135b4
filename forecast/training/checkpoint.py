"""Checkpoints: one safetensors file, replaced as a whole or not at all."""

import json
import os
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from forecast.errors import ConfigError

FILE = "checkpoint.safetensors"
FIRST = "first"  # in the identity of a training that continues another: how that one went


def write(folder: Path, tensors: dict[str, Tensor], state: dict[str, Any]) -> None:
    """Write tensors and state; a kill or a full disk at any moment leaves the checkpoint before it.

    ``ConfigError`` where the folder cannot be written.
    """
    partial = folder / f"{FILE}.part"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        plain = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
        save_file(plain, partial, metadata={"state": _to_json(state)})
        with partial.open("rb+") as file:
            os.fsync(file.fileno())
        os.replace(partial, folder / FILE)
    except (OSError, SafetensorError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        remedy = "Make room, or name another folder; the fit goes on from the last checkpoint that was written."
        raise ConfigError(f"{folder} cannot be written: {reason}", remedy, file=str(folder)) from error
    finally:
        if folder.is_dir():
            partial.unlink(missing_ok=True)


def read(folder: Path, identity: dict[str, Any]) -> tuple[dict[str, Tensor], dict[str, Any]] | None:
    """Tensors and state of an unfinished fit, or None where there is none.

    ``ConfigError`` where the file belongs to other settings or data than ``identity``, or cannot be read.
    """
    path = folder / FILE
    if not path.exists():
        return None
    remedy = "Use another folder, or start anew with --force (remove the file)."
    try:
        with safe_open(path, framework="pt") as file:
            state = json.loads(file.metadata()["state"])
            theirs = state["identity"]
            tensors = {name: file.get_tensor(name) for name in file.keys()}
    except (SafetensorError, OSError, KeyError, TypeError, ValueError):
        raise ConfigError(f"{path} is no checkpoint that can be read", remedy, file=str(path)) from None
    if theirs != json.loads(_to_json(identity)):
        raise ConfigError(f"{path} belongs to a fit of other settings or data", remedy, file=str(path))
    return tensors, state


def continued(folder: Path, identity: dict[str, Any]) -> dict[str, Any] | None:
    """How the training of that identity went, if the checkpoint is of one that continues it."""
    try:
        with safe_open(folder / FILE, framework="pt") as file:
            theirs = json.loads(file.metadata()["state"])["identity"]
            first = theirs.pop(FIRST, None)
    except (SafetensorError, OSError, KeyError, TypeError, ValueError, AttributeError):
        return None  # none there, or one that ``read`` will refuse
    return first if theirs == json.loads(_to_json(identity)) else None


def _to_json(value: Any) -> str:
    return json.dumps(value, default=lambda number: number.item())  # settings may hold numbers of NumPy


def remove(folder: Path) -> None:
    """Delete the checkpoint of a finished fit."""
    (folder / FILE).unlink(missing_ok=True)


def pack(name: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Tensors under a common prefix."""
    return {f"{name}/{key}": value for key, value in tensors.items()}


def unpack(name: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """The tensors that ``pack`` put under ``name``."""
    prefix = f"{name}/"
    return {key.removeprefix(prefix): value for key, value in tensors.items() if key.startswith(prefix)}
