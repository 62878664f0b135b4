"""Saved models: a folder of ``model.json`` and ``weights.safetensors`` that holds numbers and text, and never code.

Nothing read from a folder is executed or used as a path: the class is found by its name in the table of forecasters,
the two file names are fixed, and every byte is checked against the checksums before it is used.
"""

import hashlib
import json
import re
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from forecast import __version__
from forecast.errors import ForecastError, ModelFormatError
from forecast.folders import refusal, require_free, write_through, written_whole
from forecast.plain import from_plain, to_plain
from forecast.startup import settled_imports
from forecast.versions import installed_versions

if TYPE_CHECKING:
    from forecast.estimators.base import Forecaster

FORMAT = 1  # raise it when a folder written before can no longer be read as it is, and keep reading the old ones
DOCUMENT, WEIGHTS = "model.json", "weights.safetensors"
PANEL = "panel.json"  # in a folder of packed data
CODE_SUFFIXES = (".pkl", ".pickle", ".pt", ".pth", ".ckpt", ".bin", ".joblib", ".dill", ".npy", ".npz")
CODE_BEGINNINGS = (b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05", b"PK\x03\x04", b"\x1f\x8b", b"\x93NUMPY")
AGAIN = "Save the model again, or copy the folder anew."
_VERSION = re.compile(r"\d+(\.\w+)*")


def save(forecaster: "Forecaster", folder: str | Path, *, force: bool = False) -> None:
    """Write a fitted forecaster to ``folder``, whole or not at all.

    Raises ``ConfigError`` where the folder is not empty (unless ``force``, which replaces the model in it and leaves
    other files alone) or cannot be written, and ``NotFittedError`` before ``fit``.
    """
    from safetensors.numpy import save as to_bytes

    from forecast.packing import pack

    forecaster._require_fit()
    folder = Path(folder)
    require_free(folder, force=force)
    document, arrays = pack(forecaster)
    weights = to_bytes({name: array.copy(order="C") for name, array in arrays.items()}, {"format": "seqcast"})
    document = {
        "format": FORMAT,
        "versions": installed_versions(),
        **document,
        "weights": {"bytes": len(weights), "sha256": hashlib.sha256(weights).hexdigest()},
    }
    text = json.dumps({**document, "checksum": _checksum(document)}, indent=1, ensure_ascii=False, allow_nan=False)
    with written_whole(folder, force=force, names=(WEIGHTS, DOCUMENT)) as partial:  # the description last
        _write(partial / WEIGHTS, weights)
        _write(partial / DOCUMENT, text.encode())


def load(folder: str | Path, *, device: str | None = None) -> "Forecaster":
    """The forecaster saved in ``folder``, ready to predict, on ``device`` if one is named.

    Raises ``ModelFormatError`` for a folder that is missing, incomplete, damaged, edited, of a newer format, or that
    holds a file which could carry code.
    """
    folder = Path(folder)
    _require_harmless(folder)
    document = read_document(folder)
    arrays = _read_weights(folder / WEIGHTS, document["weights"])
    with settled_imports():
        from forecast.packing import unpack

    try:
        moves = device is not None and "device" in document["settings"]
        return unpack(document, arrays, {"device": device} if moves else {})
    except ForecastError as error:
        raise ModelFormatError(f"{folder / DOCUMENT} cannot be used: {error.cause}", error.remedy or AGAIN) from error
    except (KeyError, TypeError, ValueError, AttributeError, IndexError, OverflowError, RuntimeError) as error:
        cause = f"{folder / DOCUMENT} does not describe a forecaster ({type(error).__name__}: {error})"
        raise ModelFormatError(cause, AGAIN) from error


def model_folder(folder: Path) -> Path:
    """Where the model lies in a folder that somebody wrote: in ``model`` if a run did, else in the folder itself."""
    within = folder / "model"
    return within if (within / DOCUMENT).exists() else folder


def read_document(folder: str | Path) -> dict[str, Any]:
    """What ``model.json`` says, checked against its checksum; loads neither weights nor torch."""
    path = Path(folder) / DOCUMENT
    document = _parse(path, _read(path))
    found = document.get("format")
    if type(found) is not int or found < 1:
        _refuse(path, "does not say its format")
    if found > FORMAT:
        versions = document.get("versions")
        newer = str(versions.get("seqcast")) if isinstance(versions, dict) else ""
        wanted = f"seqcast>={newer}" if _VERSION.fullmatch(newer) else "seqcast"
        raise ModelFormatError(
            f"{path} has format {found}; seqcast {__version__} reads formats up to {FORMAT}",
            f"Install the version that wrote it: pip install --upgrade '{wanted}'.",
        )
    stated = document.pop("checksum", None)
    if stated != _checksum(document):
        _refuse(path, "was changed after it was written")
    if not isinstance(document.get("weights"), dict):
        _refuse(path, "does not say what belongs to it")
    return document


# ---------------------------------------------------------------------- writing


def _write(path: Path, data: bytes) -> None:
    try:
        write_through(path, data)
    except OSError as error:
        raise refusal(path.parent, error) from error


def _checksum(document: dict[str, Any]) -> str:
    """SHA-256 over a spelling of the document that does not depend on order or blanks."""
    text = json.dumps(to_plain(document), sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


# ---------------------------------------------------------------------- reading


def _require_harmless(folder: Path) -> None:
    """Raise unless ``folder`` is a folder of plain files none of which could carry code."""
    if not folder.is_dir():
        what = "is a file, not a model folder" if folder.exists() else "does not exist"
        raise ModelFormatError(f"{folder} {what}", "Give the folder that save or `forecast fit -o` wrote.")
    if (folder / PANEL).is_file() and not (folder / DOCUMENT).exists():
        raise ModelFormatError(f"{folder} is a packed panel, not a model", "Fit a model on it first: forecast fit.")
    for entry in sorted(folder.iterdir()):
        mode = entry.lstat().st_mode
        if stat.S_ISLNK(mode):
            _refuse(entry, "is a link", "Copy the file itself into the model folder.")
        if entry.name in (DOCUMENT, WEIGHTS) and not stat.S_ISREG(mode):
            _refuse(entry, "is not a file")
        if stat.S_ISREG(mode) and (entry.suffix.lower() in CODE_SUFFIXES or _begins_like_code(entry)):
            remedy = "Remove it if you put it there; do not trust the folder if you did not."
            _refuse(entry, "could carry code that runs when it is read", remedy)
    if not (folder / DOCUMENT).exists():
        _refuse(folder, f"holds no {DOCUMENT}", "Saving was not finished, or this is no model folder.")


def _begins_like_code(path: Path) -> bool:
    head = _read(path, 9)
    length = path.name == WEIGHTS and head[3:] == b"\0\0\0\0\0{"  # of a header, which may begin like a pickle
    return head.startswith(CODE_BEGINNINGS) and not length


def _read(path: Path, size: int = -1) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(size)
    except OSError as error:
        _refuse(path, f"cannot be read: {error.strerror}")


def _parse(path: Path, data: bytes) -> dict[str, Any]:
    def refuse_constant(name: str) -> NoReturn:
        raise ValueError(f"{name} is not JSON")

    try:
        document = json.loads(data.decode(), object_hook=from_plain, parse_constant=refuse_constant)
    except (ValueError, RecursionError):
        _refuse(path, "is cut off or damaged")
    if not isinstance(document, dict):
        _refuse(path, "is no model description")
    return document


def _read_weights(path: Path, stated: dict[str, Any]) -> dict[str, Any]:
    from safetensors import SafetensorError
    from safetensors.numpy import load as from_bytes

    if not path.exists():
        _refuse(path, "is missing")
    data = _read(path)
    if len(data) != stated.get("bytes"):
        _refuse(path, f"has {len(data)} bytes where {DOCUMENT} says {stated.get('bytes')}")
    if hashlib.sha256(data).hexdigest() != stated.get("sha256"):
        _refuse(path, f"does not belong to this {DOCUMENT}")
    try:
        return dict(from_bytes(data))
    except (SafetensorError, ValueError, KeyError, TypeError) as error:
        _refuse(path, f"is damaged ({error})")


def _refuse(path: Path, why: str, remedy: str = AGAIN) -> NoReturn:
    raise ModelFormatError(f"{path} {why}", remedy, file=str(path))
