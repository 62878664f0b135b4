"""What the sections share: who takes part, under which conditions, and where results go."""

import json
import os
import platform
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from comparison.process import Contender, ContenderError, Process, Setting

LABELS = {
    "ours": "seqcast",
    "floor": "bare torch",
    "neuralforecast": "NeuralForecast",
    "darts": "Darts",
    "gluonts": "GluonTS",
    "pytorch_forecasting": "PyTorch-Forecasting",
}
RIVALS = ("neuralforecast", "darts", "gluonts", "pytorch_forecasting")


@dataclass
class Results:
    """Records by section, measure and contender in a file: a section that is run again replaces its own."""

    path: Path
    records: dict[str, dict[str, Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.path.exists():
            self.records = json.loads(self.path.read_text())["records"]

    def add(self, section: str, measure: str, contender: str, **values: Any) -> None:
        """One measurement, printed at once and kept."""
        record = {"section": section, "measure": measure, "contender": contender, **values}
        self.records["|".join((section, measure, contender))] = record | {
            "load": round(os.getloadavg()[0], 1),
            "when": time.strftime("%Y-%m-%d %H:%M"),
        }
        shown = ", ".join(f"{name} {_short(value)}" for name, value in values.items())
        print(f"  {measure:<44} {contender:<24} {shown}", flush=True)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        part = self.path.with_suffix(".part")
        part.write_text(json.dumps({"records": self.records}, indent=1))
        part.replace(self.path)

    def of(self, section: str) -> list[dict[str, Any]]:
        return [record for record in self.records.values() if record["section"] == section]


@dataclass(kw_only=True)
class Context:
    """One run of the comparison.  quick: tiny sizes, to see that everything works."""

    contenders: Sequence[Contender]
    results: Results
    folder: Path
    threads: int
    rounds: int
    seeds: int
    budgets: Sequence[float]
    quick: bool

    @contextmanager
    def process(self, contender: Contender, setting: Setting = "own") -> Iterator[Process]:
        with Process(contender, setting=setting, threads=self.threads) as process:
            yield process

    def named(self, *names: str) -> list[Contender]:
        return [contender for contender in self.contenders if contender.name in names]

    def conditions(self) -> None:
        """Print what the figures depend on, and keep it with them."""
        cores = os.cpu_count()
        print(f"{platform.machine()}, {cores} cores, {self.threads} threads, load {os.getloadavg()[0]:.1f}", flush=True)
        for contender in self.contenders:
            try:
                with self.process(contender) as process:
                    versions = process.ask("versions")
            except ContenderError as error:
                print(f"  {LABELS[contender.name]} is left out: {error}", file=sys.stderr)
                continue
            stated = ", ".join(f"{name} {version}" for name, version in versions.items())
            self.results.add("versions", LABELS[contender.name], contender.name, stated=stated, threads=self.threads)


def _short(value: Any) -> str:
    return f"{value:,.4g}" if isinstance(value, float) else str(value)
