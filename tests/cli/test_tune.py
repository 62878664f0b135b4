"""``forecast tune``: what it prints and writes, refuses, and how it goes on after Ctrl-C."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from forecast import load

SPACE = "[space]\nridge = { low = 1e-4, high = 1e4, log = true }\n"


@pytest.fixture
def space(tmp_path):
    path = tmp_path / "space.toml"
    path.write_text(SPACE)
    return path


def test_the_best_settings_are_told_written_and_taken_by_fit(call, sales, space):
    words = ("--model", "linear", "--horizon", 7, "--trials", 3, "--folds", 3, "--set", "lookback=14", "--season", 7)
    told = call("tune", sales, *words, "--space", space, "-o", "out", "--json")
    assert told.exit_code == 0, told.stderr
    found = json.loads(told.stdout)
    assert found["model"] == "linear" and found["trials"] == {"complete": 3}
    assert told.stderr.count("trial ") == 3 and "trial 3/3  linear  complete" in told.stderr
    assert call("fit", sales, "--config", "out/best.toml", "-o", "again", "--quiet").exit_code == 0
    fitted, again = load("out/model"), load("again")
    assert again.get_params() == fitted.get_params()
    assert again.lookback == 14 and again.season == 7
    assert again.predict().equals(fitted.predict())


def test_a_network_found_is_the_one_that_fit_trains_from_the_file(call, sales):
    words = ("--horizon", 7, "--trials", 2, "--folds", 2, "--set", "max_steps=4", "--sampler", "random", "--seed", 3)
    told = call("tune", sales, "--model", "gru,theta", *words, "-o", "out", "--quiet")
    assert told.exit_code == 0 and not told.stderr, told.stderr
    assert call("fit", sales, "--config", "out/best.toml", "-o", "again", "--refit", "--quiet").exit_code == 0
    fitted, again = load("out/model"), load("again")
    assert again.get_params() == fitted.get_params() and again.seed == 3
    assert again.predict().equals(fitted.predict())


def test_a_front_is_shown_for_several_objectives(call, sales, space):
    words = ("--model", "linear", "--horizon", 7, "--trials", 3, "--folds", 2, "--space", space)
    told = call("tune", sales, *words, "--objective", "mase,size", "-o", "out")
    assert told.exit_code == 0 and "what may be had for what" in told.stdout


@pytest.mark.parametrize(
    "words, code, told",
    [
        (["--horizon", "7"], 2, "no forecaster is named"),
        (["--model", "linear"], 2, "the horizon is missing"),
        (["--model", "lnear", "--horizon", "7"], 2, "Did you mean 'linear'?"),
        (["--model", "linear", "--horizon", "7", "--sampler", "tpee"], 2, "Did you mean 'tpe'?"),
        (["--model", "linear", "--horizon", "7", "--pruner", "medan"], 2, "Did you mean 'median'?"),
        (["--model", "linear", "--horizon", "7", "--objective", "maze"], 2, "unknown objective 'maze'"),
        (["--model", "linear", "--horizon", "7", "--space", "none.toml"], 2, "none.toml cannot be read"),
        (["--model", "linear", "--horizon", "7", "--folds", "99"], 3, "Ask for at most"),
        (["--model", "linear", "--horizon", "7", "--storage", "no/such/folder/s.db"], 2, "does not exist"),
        (["--model", "linear", "--horizon", "7", "--set", "ridge=x"], 2, "ridge"),
    ],
)
def test_wrong_calls_are_refused_in_two_lines(call, sales, words, code, told):
    result = call("tune", sales, *words, "--trials", 2, "-o", "out")
    assert result.exit_code == code and told in result.stderr
    assert len(result.stderr.strip().splitlines()) <= 2 and not Path("out").exists()


@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_after_ctrl_c_the_same_command_goes_on_where_it_stopped(sales, space, tmp_path):
    words = ["--model", "linear", "--horizon", "7", "--folds", "3", "--space", str(space), "-o", str(tmp_path / "out")]
    command = [sys.executable, "-m", "forecast.cli", "tune", str(sales), *words]
    with subprocess.Popen([*command, "--trials", "5000"], stderr=subprocess.PIPE, text=True, cwd=tmp_path) as process:
        lines = [process.stderr.readline() for _ in range(3)]
        assert lines[-1].startswith("trial 3/5000"), lines
        process.send_signal(signal.SIGINT)
        rest = process.stderr.read()
    assert process.returncode == 130
    assert "finished trials are kept" in rest and "error: interrupted" in rest
    done = len([line for line in [*lines, *rest.splitlines()] if line.startswith("trial ")])
    again = subprocess.run(
        [*command, "--trials", str(done + 1), "--json"], capture_output=True, text=True, cwd=tmp_path
    )
    assert again.returncode == 0, again.stderr
    assert json.loads(again.stdout)["trials"] == {"complete": done + 1}
    assert again.stderr.count("trial ") == 1
