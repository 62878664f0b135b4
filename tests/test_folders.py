"""Folders that are written whole or not at all, and belong to one writer at a time."""

from concurrent.futures import ThreadPoolExecutor
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
        with ThreadPoolExecutor(1) as other:
            with pytest.raises(ConfigError, match="another process is at work"):
                other.submit(claim, tmp_path).result()
        claim(tmp_path)  # one who is in may ask again
        with pytest.raises(ConfigError, match="another process is at work"), ThreadPoolExecutor(1) as other:
            other.submit(claim, tmp_path).result()
    claim(tmp_path)


def test_a_folder_that_cannot_be_opened_is_a_clear_error(tmp_path: Path) -> None:
    pytest.importorskip("fcntl")
    with pytest.raises(ConfigError, match="cannot be written: No such file"):
        claim(tmp_path / "missing")


def test_what_a_killed_writer_left_is_removed_by_the_next_and_what_a_living_one_has_is_not(tmp_path: Path) -> None:
    pytest.importorskip("fcntl")
    dead, other = tmp_path / ".out [1]-0123abcd.part", tmp_path / ".other-0123abcd.part"
    for left in (dead, other):
        left.mkdir()
        (left / "a").write_text("half")
    folder = tmp_path / "out [1]"
    with ThreadPoolExecutor(1) as living, written_whole(folder, force=False, names=("a",)) as partial:
        (partial / "a").write_text("first")
        living.submit(write, folder, "second").result()
        assert (partial / "a").read_text() == "first"
        (folder / "a").unlink()
        folder.rmdir()
    assert (folder / "a").read_text() == "first"
    assert sorted(tmp_path.iterdir()) == [other, folder]


def claim(folder: Path) -> None:
    with claimed(folder):
        pass


def write(folder: Path, text: str) -> None:
    with written_whole(folder, force=False, names=("a",)) as partial:
        (partial / "a").write_text(text)


def test_two_threads_may_claim_a_folder_where_the_file_system_knows_no_locks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("forecast.folders._lock", lambda handle: None)
    with ThreadPoolExecutor(1) as other, claimed(tmp_path):

        def claim() -> bool:
            with claimed(tmp_path):
                return True

        assert other.submit(claim).result()
