"""Panels on disk: found again while their files are the same, refused or made anew when damaged, two makers apart."""

import errno
import os
import shutil
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from forecast import create
from forecast.datasets import load_panel, pack
from forecast.datasets.packed import cache, folder
from forecast.datasets.schema import Roles
from forecast.errors import ConfigError, DataError

FRAME = pd.DataFrame(
    {
        "unique_id": np.repeat(["a", "b", "c"], 40),
        "ds": np.tile(pd.date_range("2021-01-01", periods=40), 3),
        "y": np.arange(120.0),
    }
)


@pytest.fixture
def files(tmp_path):
    place = tmp_path / "files"
    place.mkdir()
    FRAME[:60].to_csv(place / "a.csv", index=False)
    FRAME[60:].to_csv(place / "b.csv", index=False)
    return place


@pytest.fixture
def panel(tmp_path, files):
    pack(files, tmp_path / "panel")
    return tmp_path / "panel"


def told(panel):
    return panel.notes[-1].message


# ---------------------------------------------------------------------- found again


def test_a_folder_of_files_is_packed_once_and_a_note_says_where(files):
    first = load_panel(files)
    assert isinstance(first.target, np.memmap)
    assert os.environ["FORECAST_CACHE"] in told(first) and told(first).endswith("made")
    assert told(load_panel(str(files))).endswith("reused")


@pytest.mark.parametrize("change", ["another value", "one more file", "one file less"])
def test_files_that_have_changed_are_packed_anew(files, change):
    before = load_panel(files)
    if change == "another value":
        text = (files / "b.csv").read_text()
        (files / "b.csv").write_text(text.replace("119.0", "118.5"))
    elif change == "one more file":
        FRAME[:40].assign(unique_id="d").to_csv(files / "c.csv", index=False)
    else:
        (files / "b.csv").unlink()
    after = load_panel(files)
    assert told(after).endswith("made")
    assert {"another value": 120, "one more file": 160, "one file less": 60}[change] == len(after.target)
    assert before.target[-1] == 119  # what was open stays as it was


def test_a_cache_that_cannot_be_written_is_named(files, tmp_path, monkeypatch):
    (tmp_path / "taken").write_text("a file")
    monkeypatch.setenv("FORECAST_CACHE", str(tmp_path / "taken"))
    with pytest.raises(ConfigError, match="FORECAST_CACHE"):
        load_panel(files)


def test_a_copy_of_a_file_with_another_time_is_the_same_file(files):
    load_panel(files)
    os.utime(files / "b.csv", (1, 1))
    assert told(load_panel(files)).endswith("reused")


def test_other_roles_make_another_panel(files):
    load_panel(files)
    assert told(load_panel(files, Roles(target="y", freq="D"))).endswith("made")
    assert told(load_panel(files)).endswith("reused")


def test_packing_the_same_files_again_only_opens_the_panel(files, panel, monkeypatch):
    monkeypatch.setattr(cache, "_build", None)
    assert len(pack(files, panel)) == 3


def test_a_panel_outlives_its_files_and_can_be_moved(files, panel, tmp_path):
    expected = np.array(load_panel(panel).target)
    shutil.rmtree(files)
    shutil.copytree(panel, tmp_path / "elsewhere")
    for _ in range(2):
        np.testing.assert_array_equal(load_panel(tmp_path / "elsewhere").target, expected)


def test_a_frame_can_be_packed_too(tmp_path):
    found, expected = pack(FRAME, tmp_path / "panel"), load_panel(FRAME)
    np.testing.assert_array_equal(found.target, expected.target)
    assert found.schema == expected.schema and found.ids.equals(expected.ids)


# ---------------------------------------------------------------------- damage


def cut(path):
    path.write_bytes(path.read_bytes()[:-8])


def edit(path):
    data = bytearray(path.read_bytes())
    data[-3] ^= 1
    path.write_bytes(data)


DAMAGE = {
    "cut short": (cut, "target.bin", "was cut short"),
    "edited": (edit, "target.bin", "was edited"),
    "ends edited": (edit, "ends.bin", "was edited"),
    "ids edited": (edit, "ids.json", "was edited"),
    "missing": (lambda path: path.unlink(), "offsets.bin", "cannot be read"),
    "description cut short": (cut, "panel.json", "is no description of a panel"),
    "description edited": (
        lambda path: path.write_text(path.read_text().replace('"freq": "D"', '"freq": "h"')),
        "panel.json",
        "was edited",
    ),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_panel_is_refused_by_the_name_of_the_file(panel, damage):
    harm, name, cause = DAMAGE[damage]
    harm(panel / name)
    with pytest.raises(DataError, match=cause) as caught:
        load_panel(panel)
    assert caught.value.where["file"] == str(panel / name)
    assert "Pack it again" in caught.value.remedy


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_panel_in_the_cache_is_made_anew(files, damage):
    whole = np.array(load_panel(files).target)
    harm, name, _ = DAMAGE[damage]
    (entry,) = (cache.cache_folder() / "panels").iterdir()
    harm(entry / name)
    again = load_panel(files)
    assert told(again).endswith("made")
    np.testing.assert_array_equal(again.target, whole)


def test_a_panel_of_a_newer_version_is_refused(panel, monkeypatch):
    monkeypatch.setattr(folder, "FORMAT", 0)
    with pytest.raises(DataError, match="newer version"):
        load_panel(panel)


# ---------------------------------------------------------------------- whole or not at all

BUILD = """
import sys
from forecast.datasets import pack
print(float(pack(sys.argv[1], sys.argv[2]).target.sum()))
"""


def test_two_processes_that_pack_the_same_files_at_once_end_with_one_whole_panel(files, tmp_path):
    command = [sys.executable, "-P", "-c", BUILD, str(files), str(tmp_path / "panel")]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    assert [process.communicate(timeout=60)[0].strip() for process in both] == ["7140.0"] * 2
    assert load_panel(tmp_path / "panel").target.sum() == 7140
    assert not [path for path in (tmp_path / "panel").iterdir() if path.name.startswith(".")]


def test_what_a_killed_process_left_is_no_panel_and_does_not_stand_in_the_way(files, tmp_path):
    left = tmp_path / "panel" / ".0123abcd.part"
    left.mkdir(parents=True)
    (left / "target.bin").write_bytes(b"half of it")
    assert len(pack(files, tmp_path / "panel")) == 3
    assert not left.exists()


def test_a_folder_that_another_process_gave_up_meanwhile_is_made_again(files, tmp_path, monkeypatch):
    import fcntl

    def flock(handle, how):
        monkeypatch.undo()
        shutil.rmtree(tmp_path / "panel")  # as a process does that found the files to be wrong
        fcntl.flock(handle, how)

    monkeypatch.setattr(fcntl, "flock", flock)
    assert len(pack(files, tmp_path / "panel")) == 3


def test_a_full_disk_leaves_nothing_behind_and_a_panel_as_it_was(files, panel, monkeypatch):
    before = sorted(path.name for path in panel.iterdir())
    (files / "b.csv").unlink()

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(folder, "_write", full)
    with pytest.raises(ConfigError, match="No space left"):
        pack(files, panel, force=True)
    assert sorted(path.name for path in panel.iterdir()) == before
    monkeypatch.undo()
    assert len(load_panel(panel).target) == 120


def test_a_folder_with_something_else_in_it_is_left_alone(files, panel, tmp_path):
    other = tmp_path / "thesis"
    other.mkdir()
    (other / "chapter.txt").write_text("words")
    for force in (False, True):
        with pytest.raises(ConfigError, match="is not empty"):
            pack(files, other, force=force)
    assert [path.name for path in other.iterdir()] == ["chapter.txt"]
    with pytest.raises(ConfigError, match="is not empty"):
        pack(files, panel, Roles(target="y"))
    assert len(pack(files, panel, Roles(target="y"), force=True)) == 3


def test_files_that_change_while_they_are_read_are_noticed(files, tmp_path, monkeypatch):
    def meddling(*args, **kwargs):
        packed(*args, **kwargs)
        os.utime(files / "a.csv", (1, 1))

    packed = cache.pack_files
    monkeypatch.setattr(cache, "pack_files", meddling)
    with pytest.raises(DataError, match="changed while they were read"):
        pack(files, tmp_path / "panel")


def test_a_panel_packed_into_the_folder_of_its_files_is_none_of_them(files):
    pack(files, files / "packed")
    assert len(pack(files, files / "packed")) == len(load_panel(files)) == 3


def test_a_model_saved_into_the_folder_of_the_files_is_none_of_them(files):
    create("naive", horizon=2).fit(files).save(files / "model")
    assert len(load_panel(files)) == 3


# ---------------------------------------------------------------------- asked otherwise


def test_roles_that_a_packed_panel_does_not_have_are_refused(panel):
    assert len(load_panel(panel, Roles(target="y", id="unique_id"))) == 3
    with pytest.raises(ConfigError, match="was packed with"):
        load_panel(panel, Roles(past=("price",)))


def test_a_folder_takes_no_second_frame_beside_it(files):
    with pytest.raises(ConfigError, match="no second frame"):
        load_panel(files, future_data=FRAME)
