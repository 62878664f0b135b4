"""Checkpoints: one safetensors file, replaced as a whole or not at all, and checked as a whole when it is read."""

import json
import os
import time
import zlib
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from forecast.errors import ConfigError
from forecast.folders import write_through

FILE = "checkpoint.safetensors"
BEFORE = "before"  # in the identity of a training that continues others: how those went, one after the other
SHARE = 0.005  # of a run's time that writing checkpoints may take
LEAST_SECONDS = 1.0  # between two checkpoints: less would only wear the disk
BYTES_PER_SECOND = 200_000_000  # of a slow disk, until the first checkpoint has shown how fast it is


@dataclass(kw_only=True)
class Cadence:
    """When the next checkpoint is due: as often as its cost allows, whatever the run does meanwhile.

    pause: seconds until the next one.  last: ``time.perf_counter()`` when the run began or the last one was written.
    """

    pause: float
    last: float

    @classmethod
    def of(cls, size: int) -> "Cadence":
        """For a first checkpoint of ``size`` bytes."""
        return cls(pause=_pause(size / BYTES_PER_SECOND), last=time.perf_counter())

    def due(self) -> bool:
        return time.perf_counter() - self.last >= self.pause

    def written(self, began: float) -> None:
        """One has been written since ``began``."""
        self.last = time.perf_counter()
        self.pause = _pause(self.last - began)


def _pause(cost: float) -> float:
    return max(LEAST_SECONDS, cost / SHARE)


def write(folder: Path, tensors: dict[str, Tensor], state: dict[str, Any]) -> None:
    """Write tensors and state; a kill or a full disk at any moment leaves the checkpoint before it.

    ``ConfigError`` where the folder cannot be written.
    """
    partial = _partial(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        plain = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
        text = _to_json(state)
        # as bytes: safetensors' own writing leaves files of other names behind when it is killed
        write_through(partial, save(plain, metadata={"state": text, "checksum": _checksum(plain, text)}))
        os.replace(partial, folder / FILE)
        _sync_folder(folder)
    except (OSError, SafetensorError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        remedy = "Make room, or name another folder; the fit goes on from the last checkpoint that was written."
        raise ConfigError(f"{folder} cannot be written: {reason}", remedy, file=str(folder)) from error
    finally:
        if folder.is_dir():
            partial.unlink(missing_ok=True)


def read(folder: Path, identity: dict[str, Any]) -> tuple[dict[str, Tensor], dict[str, Any]] | None:
    """Tensors and state of an unfinished training, or None where there is none, or that of one which it continues.

    ``ConfigError`` where the file belongs to other settings, data or another version than ``identity``, or cannot be
    read as it was written.
    """
    path = folder / FILE
    if not path.exists():
        return None
    remedy = "Use another folder, or start anew with --force (remove the file)."
    try:
        with safe_open(path, framework="pt") as file:
            text, stated = file.metadata()["state"], file.metadata()["checksum"]
            tensors = {name: file.get_tensor(name) for name in file.keys()}
        state = json.loads(text)
        theirs = dict(state["identity"])
        whole = stated == _checksum(tensors, text)
    except (SafetensorError, OSError, KeyError, TypeError, ValueError):
        whole = False
    if not whole:
        raise ConfigError(f"{path} is no checkpoint that can be read: it is damaged", remedy, file=str(path))
    ours = json.loads(_to_json(identity))
    earlier = theirs.get(BEFORE, [])
    if len(earlier) < len(ours.get(BEFORE, [])) and theirs | {BEFORE: []} == ours | {BEFORE: []}:
        if earlier == ours[BEFORE][: len(earlier)]:
            return None
    if theirs != ours:
        cause = f"{path} belongs to a fit of other settings or data ({_difference(theirs, ours)})"
        raise ConfigError(cause, remedy, file=str(path))
    return tensors, state


def continued(folder: Path, identity: dict[str, Any]) -> list[dict[str, Any]]:
    """How the trainings of that identity went that the one of the checkpoint continues."""
    try:
        with safe_open(folder / FILE, framework="pt") as file:
            theirs = json.loads(file.metadata()["state"])["identity"]
            before: list[dict[str, Any]] = theirs.pop(BEFORE, [])
    except (SafetensorError, OSError, KeyError, TypeError, ValueError, AttributeError):
        return []  # none there, or one that ``read`` will refuse
    return before if theirs == json.loads(_to_json(identity)) else []


def remove(folder: Path) -> None:
    """Delete the checkpoint of a finished fit, and what a killed one left of the next."""
    for path in (_partial(folder), folder / FILE):
        path.unlink(missing_ok=True)


def pack(name: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Tensors under a common prefix."""
    return {f"{name}/{key}": value for key, value in tensors.items()}


def unpack(name: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """The tensors that ``pack`` put under ``name``."""
    prefix = f"{name}/"
    return {key.removeprefix(prefix): value for key, value in tensors.items() if key.startswith(prefix)}


# ---------------------------------------------------------------------- generators


def random_states(device: torch.device) -> dict[str, Tensor]:
    """The states of torch's generators that a run on ``device`` draws from."""
    states = {"cpu": torch.get_rng_state()}
    if device.type == "cuda":
        states["cuda"] = torch.cuda.get_rng_state(device)
    elif device.type == "mps":
        states["mps"] = torch.mps.get_rng_state()
    return states


def restore_random_states(states: dict[str, Tensor], device: torch.device) -> None:
    """Take back what ``random_states`` gave; a run that moved to another device has none of that device."""
    torch.set_rng_state(states["cpu"])
    if device.type == "cuda" and "cuda" in states:
        torch.cuda.set_rng_state(states["cuda"], device)
    elif device.type == "mps" and "mps" in states:
        torch.mps.set_rng_state(states["mps"])


# ---------------------------------------------------------------------- inside


def _partial(folder: Path) -> Path:
    return folder / f"{FILE}.part"


def _to_json(value: Any) -> str:
    return json.dumps(value, default=lambda number: number.item())  # settings may hold numbers of NumPy


def _checksum(tensors: dict[str, Tensor], text: str) -> str:
    """CRC-32 over names, shapes and bytes: against accidents, at the speed of the disk and more."""
    crc = zlib.crc32(text.encode())
    for name in sorted(tensors):
        value = tensors[name]
        crc = zlib.crc32(f"{name} {value.dtype} {tuple(value.shape)}".encode(), crc)
        crc = zlib.crc32(value.reshape(-1).view(torch.uint8).numpy().data, crc)
    return f"{crc:08x}"


def _sync_folder(folder: Path) -> None:
    """See that the new name outlives a loss of power too, where the system can promise it."""
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _difference(theirs: dict[str, Any], ours: dict[str, Any]) -> str:
    """What tells two identities apart, in words."""
    found = []
    one, two = theirs.get("settings"), ours.get("settings")
    if isinstance(one, dict) and isinstance(two, dict):
        found += [f"{name}={one.get(name)!r}" for name in {**one, **two} if one.get(name) != two.get(name)]
    for name in ("fingerprint", "validation", "version"):
        if theirs.get(name) != ours.get(name):
            found.append(
                {"fingerprint": "data", "validation": "held-out rows"}.get(name, f"version {theirs.get(name)}")
            )
    return ", ".join(found) or "another kind of fit"
