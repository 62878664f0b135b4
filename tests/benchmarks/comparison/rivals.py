"""Where the rivals live: virtual environments of their own, made here or named by the user."""

import os
import subprocess
import sys
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path

from comparison.context import RIVALS
from comparison.process import Contender

REQUIREMENTS = {
    "neuralforecast": "neuralforecast==3.3.0",
    "darts": "darts[torch]==0.48.1",
    "gluonts": "gluonts[torch]==0.17.0",
    "pytorch_forecasting": "pytorch-forecasting==1.8.0",
}
ASK = "import importlib.util, sys; print(*(n for n in sys.argv[1:] if importlib.util.find_spec(n)))"


def install(folder: Path, names: Iterable[str]) -> None:
    """One environment per rival of these names, each with the torch that this interpreter has."""
    torch = version("torch").split("+")[0]
    for name in RIVALS:
        if name not in names:
            continue
        place, requirement = folder / name, REQUIREMENTS[name]
        python = _interpreter(place)
        print(f"{requirement} → {place}", flush=True)
        subprocess.run([sys.executable, "-m", "venv", str(place)], check=True)
        pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, f"torch=={torch}"], check=True)  # first and alone, so that all measure the same one
        if subprocess.run([*pip, requirement, f"torch=={torch}"]).returncode:
            print(f"{requirement} does not install beside torch {torch}; it is left out", file=sys.stderr)


def find(places: Iterable[Path]) -> list[Contender]:
    """The rivals installed in these interpreters, or in the environments that lie in these folders."""
    found = {}
    for place in places:
        for python in _interpreters(place):
            done = subprocess.run([str(python), "-I", "-c", ASK, *RIVALS], capture_output=True, text=True, check=True)
            found |= {name: Contender(name, str(python)) for name in done.stdout.split() if name not in found}
    return [found[name] for name in RIVALS if name in found]


def _interpreters(place: Path) -> list[Path]:
    if place.is_file():
        return [place]
    if _interpreter(place).is_file():
        return [_interpreter(place)]
    found = [_interpreter(inner) for inner in sorted(place.iterdir()) if _interpreter(inner).is_file()]
    if not found:
        raise SystemExit(f"{place} is no interpreter and holds no virtual environments")
    return found


def _interpreter(environment: Path) -> Path:
    return environment / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
