"""Folders that are written whole or not at all, and belong to one writer at a time."""

from pathlib import Path

import pytest

from forecast.errors import ConfigError
from forecast.folders import claimed, require_free, written_whole


def test_a_folder_filled_meanwhile_is_not_overwritten(tmp_path: Path) -> None:
    folder = tmp_path / "out"
    with pytest.raises(ConfigError, match="not empty"), written_whole(folder, force=False, names=("a",)) as partial:
        (partial / "a").write_text("mine")
        folder.mkdir()
        (folder / "a").write_text("theirs")
    assert (folder / "a").read_text() == "theirs"
    assert list(tmp_path.iterdir()) == [folder]


def test_what_a_killed_process_left_half_written_does_not_fill_a_folder(tmp_path: Path) -> None:
    (tmp_path / ".out-0123abcd.part").mkdir()
    require_free(tmp_path, force=False)
    (tmp_path / ".hidden").write_text("")
    with pytest.raises(ConfigError, match="not empty"):
        require_free(tmp_path, force=False)


def test_only_one_writer_at_a_time_claims_a_folder(tmp_path: Path) -> None:
    pytest.importorskip("fcntl")
    with claimed(tmp_path):
        with pytest.raises(ConfigError, match="another process"), claimed(tmp_path):
            raise AssertionError("claimed twice")
    with claimed(tmp_path):
        pass
