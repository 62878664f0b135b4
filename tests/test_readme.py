"""The README does what it says: its commands and Python run, its table is the table, its links lead somewhere.

``python tests/test_readme.py`` writes the table of forecasters anew.
"""

import contextlib
import io
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from forecast.presets import PRESETS
from forecast.presets.catalogue import brief

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
TABLE = re.compile(
    r"(?<=<!-- forecasters: written by `python tests/test_readme.py` -->\n).*(?=<!-- /forecasters -->)", re.S
)


def blocks(language: str) -> list[str]:
    """The code blocks of one language, in order."""
    return [text for name, text in BLOCK.findall(README.read_text()) if name == language]


def commands() -> list[str]:
    """Every command line of the README but those of make."""
    lines = [line for text in blocks("bash") for line in text.splitlines() if line.strip()]
    return [line for line in lines if not line.startswith("make ")]


def table() -> str:
    """The rows of the table of forecasters."""
    rows = ["| name | family | parameters | cost | causal | what it is | after |", "|---|---|--:|--:|---|---|---|"]
    for line in map(brief, PRESETS.values()):
        size = "" if line["parameters"] is None else f"{line['parameters']:,}"
        cost = "" if line["cost"] is None else f"{line['cost']:g}"
        causal = "yes" if line["causal"] else ""
        cells = [f"`{line['name']}`", line["family"], size, cost, causal, line["description"], line["paper"]]
        rows.append(f"| {' | '.join(cells)} |")
    return "\n" + "\n".join(rows) + "\n\n"  # Markdown wants blank lines around a table


def shortened(line: str) -> list[str]:
    """The words of a command, with little time for those that train."""
    words = shlex.split(line, comments=True)
    if "--trials" in words:
        words[words.index("--trials") + 1] = "3"
    if words[1] in ("run", "fit", "backtest", "tune"):
        if "--max-time" in words:
            at = words.index("--max-time")
            del words[at : at + 2]
        words += ["--max-time", "12" if words[1] == "run" else "3"]
    return words


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    """A folder with the files of which the README speaks: hourly load of two buildings over five weeks, and a sixth."""
    from forecast import load_dataset

    folder = tmp_path_factory.mktemp("desk")
    frame = load_dataset("seasons", series=2, steps=24 * 42, ahead=0)[["series", "time", "y"]]
    new = frame.groupby("series").cumcount() >= 24 * 35
    frame[new].to_csv(folder / "newer.csv", index=False)
    frame = frame[~new]
    frame.to_csv(folder / "load.csv", index=False)
    (folder / "loads").mkdir()
    for name, part in frame.groupby("series"):
        part.to_csv(folder / "loads" / f"{name}.csv", index=False)
    shop = frame.loc[frame["series"] == "load-01", ["time", "y"]].astype({"y": str}).set_axis(["day", "sales"], axis=1)
    shop.iloc[810, 1] = "n/a?"  # line 812 of the file
    shop.to_csv(folder / "shop.csv", index=False)
    return folder


def forecast(words: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    """Run the installed command in a folder."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    variables = {**os.environ, "PATH": path, "COLUMNS": "200", "FORECAST_CACHE": str(folder / "cache")}
    return subprocess.run(words, cwd=folder, env=variables, capture_output=True, text=True, timeout=400)


@pytest.mark.slow
def test_the_commands_run_one_after_the_other(desk):
    assert len(commands()) >= 7
    for line in commands():
        words = shortened(line)
        assert words[0] == "forecast"
        result = forecast(words, desk)
        assert result.returncode == 0, f"{line}\n{result.stdout}\n{result.stderr}"
        assert "Traceback" not in result.stderr and "Warning" not in result.stderr, f"{line}\n{result.stderr}"
    written = {path.name for path in (desk / "load-forecast").iterdir()}
    assert {"forecast.csv", "backtest.csv", "metrics.json", "forecast.png", "report.html", "model"} <= written
    assert (desk / "forecast.csv").read_text().startswith("series,time,forecast")


def test_the_config_file_is_one(tmp_path):
    from forecast.cli.settings import read_config, resolve

    (block,) = blocks("toml")
    (tmp_path / "shop.toml").write_text(block)
    file = read_config(tmp_path / "shop.toml")
    chosen = resolve(file.name, config=file.settings, options={}, given=None)
    assert (chosen["horizon"], chosen["lower"], chosen["future"]) == (24, 0, ("price", "holiday"))


def test_bad_data_are_answered_as_shown(desk):
    (block,) = blocks("console")
    command, *answer = block.splitlines()
    result = forecast(shlex.split(command.removeprefix("$ ")), desk)
    assert result.returncode == 3
    assert result.stderr.splitlines() == answer


@pytest.mark.slow
def test_the_python_runs(tmp_path, monkeypatch):
    from forecast.estimators import HybridForecaster

    monkeypatch.chdir(tmp_path)
    learn = HybridForecaster._learn

    def briefly(self, panel, job):
        self.max_steps = 10
        learn(self, panel, job)

    monkeypatch.setattr(HybridForecaster, "_learn", briefly)
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        exec(compile("\n".join(blocks("python")), str(README), "exec"), {"__name__": "readme"})
    assert "q0.95" in said.getvalue()


def test_the_first_example_is_short():
    assert len([line for line in blocks("python")[0].splitlines() if line.strip()]) <= 12


def test_the_table_of_forecasters_is_current():
    found = TABLE.search(README.read_text())
    assert found and found[0] == table(), "run: python tests/test_readme.py"


@pytest.mark.parametrize("path", ["README.md", "CONTRIBUTING.md", "CHANGELOG.md"])
def test_links_lead_to_files(path):
    for link in re.findall(r"\]\(([^)#]+)\)", (ROOT / path).read_text()):
        assert link.startswith("https://") or (ROOT / link).exists(), f"{path}: {link}"


def test_files_that_the_map_names_exist():
    text = (ROOT / "CONTRIBUTING.md").read_text()
    for name in re.findall(r"`((?:forecast|datasets|cli|tests|examples|estimators)/[\w/.]*)`", text):
        assert (ROOT / name).exists() or (ROOT / "forecast" / name).exists(), name


def test_make_knows_the_commands_that_are_promised():
    text = (ROOT / "Makefile").read_text()
    targets = set(re.findall(r"^(\w+):", text, re.MULTILINE))
    promised = re.findall(r"`?make ([a-z]+)", README.read_text() + (ROOT / "CONTRIBUTING.md").read_text())
    assert set(promised) <= targets


if __name__ == "__main__":
    README.write_text(TABLE.sub(lambda _: table(), README.read_text()))
