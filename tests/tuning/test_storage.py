"""Where a study is kept: what works, and what is said where it does not."""

import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from forecast.errors import ConfigError
from forecast.tuning.faults import shown
from forecast.tuning.storage import open_storage
from forecast.tuning.study import open_study


def begin(address):
    """A study with one finished trial."""
    opened = open_study(address, "a", identity={"data": "x"})
    trial = opened.study.ask()
    trial.suggest_float("x", 0, 1)
    trial.report(0.5, 1)
    opened.study.tell(trial, 0.5)
    return opened


@pytest.mark.parametrize("address", ["study.db", "journal:study.log", "sqlite:///study.db"])
def test_a_study_in_a_file_is_found_again(tmp_path, monkeypatch, address):
    monkeypatch.chdir(tmp_path)
    begin(address)
    again = open_study(address, "a", identity={"data": "x"})
    assert again.resumed
    assert [trial.value for trial in again.trials()] == [0.5]
    assert again.trials()[0].intermediate_values == {1: 0.5}


def test_a_study_on_a_server_is_found_again(database):
    begin(database)
    again = open_study(database, "a", identity={"data": "x"})
    assert again.resumed
    assert [trial.value for trial in again.trials()] == [0.5]


def test_a_password_with_any_characters_works_and_is_never_shown(database):
    assert begin(database).trials()  # se@cret:/{x}
    for url in (database, database.replace("postgresql://", "postgres://")):
        assert "cret" not in shown(url)
        assert "tuner" in shown(url)


@pytest.mark.parametrize(
    ("change", "cause", "remedy"),
    [
        (("se%40cret", "se%40cret0"), "authentication failed", "Check user and password"),
        (("tuner:", "nobody_here:"), "authentication failed", "Check user and password"),
        (("@/", "@/no_such_"), "does not exist", "createdb"),
        (("?host=", "?host=/nowhere"), "nowhere", "server is up"),
        (("@/", "@127.0.0.1:1/"), "127.0.0.1", "server is up"),
    ],
)
def test_a_server_that_cannot_be_used_is_told_without_the_password(database, change, cause, remedy):
    url = database.replace(*change)
    if "127.0.0.1" in url:
        url = url.partition("?")[0]
    with pytest.raises(ConfigError, match=cause) as caught:
        open_storage(url)
    assert remedy in caught.value.remedy
    assert "cret" not in str(caught.value)
    assert caught.value.__cause__ is None and caught.value.__suppress_context__  # whose text may hold it


def test_a_driver_that_is_missing_is_named(monkeypatch):
    monkeypatch.setattr("forecast.tuning.storage.find_spec", lambda name: None)
    with pytest.raises(ConfigError, match="no driver for postgresql") as caught:
        open_storage("postgresql://a:b@localhost/c")
    assert "seqcast[postgres]" in caught.value.remedy
    with pytest.raises(ConfigError, match="no driver for mysql") as caught:
        open_storage("mysql://a:b@localhost/c")
    assert "pymysql" in caught.value.remedy


def test_a_driver_that_is_named_and_missing_is_told():
    with pytest.raises(ConfigError, match="no driver for postgresql"):
        open_storage("postgresql+pg8000://a:b@localhost/c")


@pytest.mark.parametrize("address", ["oracle://a:b@localhost/c", "http://somewhere/study", "sqlite://", "://"])
def test_a_storage_of_another_kind_is_refused(address):
    with pytest.raises(ConfigError):
        open_storage(address)


def test_files_that_are_something_else_stay_as_they_are(tmp_path):
    text = tmp_path / "sales.csv"
    text.write_text("day,sales\n2024-01-01,3\n")
    journal = tmp_path / "study.log"
    open_study(f"journal:{journal}", "a", identity={})
    own = tmp_path / "own.db"
    with sqlite3.connect(own) as connection:
        connection.execute("CREATE TABLE customers (name TEXT)")
    connection.close()
    before = {path: path.read_bytes() for path in (text, journal, own)}
    with pytest.raises(ConfigError, match="no SQLite file"):
        open_storage(text)
    with pytest.raises(ConfigError, match="no SQLite file") as caught:
        open_storage(journal)
    assert f"journal:{journal}" in caught.value.remedy
    with pytest.raises(ConfigError, match="customers"):
        open_storage(own)
    for path in (text, own):
        with pytest.raises(ConfigError, match="no journal"):
            open_storage(f"journal:{path}")
    assert {path: path.read_bytes() for path in before} == before


def test_places_that_hold_no_file_are_told(tmp_path):
    for prefix in ("", "journal:"):
        with pytest.raises(ConfigError, match="does not exist"):
            open_storage(f"{prefix}{tmp_path / 'nowhere' / 'study.db'}")
        with pytest.raises(ConfigError, match="is a folder"):
            open_storage(f"{prefix}{tmp_path}")


def test_a_damaged_database_is_told(tmp_path):
    path = tmp_path / "study.db"
    begin(path)
    data = bytearray(path.read_bytes())
    data[100:] = b"\xff" * (len(data) - 100)
    path.write_bytes(data)
    with pytest.raises(ConfigError, match=r"malformed|not a database"):
        open_storage(path)


@pytest.mark.parametrize(
    ("version", "remedy"), [("v3.0.0.d", "optuna storage upgrade"), ("v99.0.0.a", "upgrade optuna")]
)
def test_a_storage_of_another_version_is_told_and_left_alone(tmp_path, version, remedy):
    path = tmp_path / "study.db"
    begin(path)
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE alembic_version SET version_num = ?", (version,))
        connection.execute("UPDATE version_info SET library_version = '3.0.0'")
        connection.execute("DROP TABLE trial_heartbeats")  # as a version before had it
    connection.close()
    with pytest.raises(ConfigError, match=r"made by Optuna 3\.0\.0") as caught:
        open_storage(path)
    assert remedy in caught.value.remedy
    with sqlite3.connect(path) as connection:
        names = {row[0] for row in connection.execute("SELECT name FROM sqlite_master")}
        assert "trial_heartbeats" not in names
        assert connection.execute("SELECT count(*) FROM trials").fetchone() == (1,)
    connection.close()


def test_a_journal_whose_last_line_was_cut_short_loses_that_line_alone(tmp_path):
    path = tmp_path / "study.log"
    begin(f"journal:{path}")
    whole = path.read_bytes()
    path.write_bytes(whole + b'{"op_code":4,"wor')
    opened = open_study(f"journal:{path}", "a", identity={"data": "x"})
    assert path.read_bytes().startswith(whole)
    assert len(opened.trials()) == 1
    opened.study.ask()
    assert len(open_study(f"journal:{path}", "a", identity={"data": "x"}).trials()) == 2


BEGIN = """
import sys
from forecast.tuning.study import open_study
opened = open_study(sys.argv[1], "a", identity={"data": "x"})
for _ in range(5):
    opened.study.ask()
"""


@pytest.mark.parametrize("kind", ["sqlite", "journal", "server"])
def test_commands_that_begin_a_study_at_the_same_moment_share_it(tmp_path, kind, request):
    address = {"sqlite": "study.db", "journal": "journal:study.log"}.get(kind) or request.getfixturevalue("database")
    started = [
        subprocess.Popen([sys.executable, "-c", BEGIN, address], cwd=tmp_path, stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    for process in started:
        _, errors = process.communicate(timeout=60)
        assert process.returncode == 0, errors
    local = {"sqlite": tmp_path / "study.db", "journal": f"journal:{tmp_path / 'study.log'}"}.get(kind, address)
    assert [trial.number for trial in open_study(local, "a", identity={"data": "x"}).trials()] == list(range(10))


def test_optuna_opens_what_was_found(tmp_path):
    import optuna

    begin(tmp_path / "study.db")
    study = optuna.load_study(study_name="a", storage=f"sqlite:///{Path(tmp_path)}/study.db")
    assert study.best_value == 0.5
