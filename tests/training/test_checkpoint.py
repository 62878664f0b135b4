"""A checkpoint is there as a whole or not at all, and is read only by the fit that it belongs to."""

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from forecast.errors import ConfigError
from forecast.training import checkpoint

IDENTITY = {
    "settings": {"seed": 1, "levels": [0.1, 0.9], "patience": 3},
    "fingerprint": "a",
    "validation": None,
    "version": "1",
}
STATE = {"identity": {"settings": [np.int64(1), None, "a"], "levels": (0.1, 0.9)}, "progress": {"step": 3}}


def test_tensors_and_state_come_back(tmp_path):
    tensors = {"a/x": torch.randn(3, 4).T, "b": torch.arange(5, dtype=torch.uint8), "c": torch.tensor(2.0)}
    checkpoint.write(tmp_path / "new", tensors, STATE)
    found, state = checkpoint.read(tmp_path / "new", STATE["identity"])
    assert state["progress"] == {"step": 3}
    assert found.keys() == tensors.keys()
    assert all(torch.equal(found[name], tensors[name]) for name in tensors)
    assert checkpoint.unpack("a", found).keys() == {"x"}
    assert [path.name for path in (tmp_path / "new").iterdir()] == [checkpoint.FILE]


def test_an_empty_or_missing_folder_holds_none(tmp_path):
    assert checkpoint.read(tmp_path, {}) is None
    assert checkpoint.read(tmp_path / "missing", {}) is None
    checkpoint.remove(tmp_path / "missing")


def test_a_checkpoint_of_other_settings_or_data_is_refused_with_what_differs(tmp_path):
    checkpoint.write(tmp_path, {"a": torch.zeros(1)}, {"identity": {**IDENTITY, checkpoint.BEFORE: [{"step": 1}]}})
    with pytest.raises(ConfigError, match=r"other settings or data \(another kind of fit\)"):
        checkpoint.read(tmp_path, IDENTITY)
    checkpoint.write(tmp_path, {"a": torch.zeros(1)}, {"identity": IDENTITY})
    cases = (
        ({"settings": {"seed": 2, "levels": (0.1, 0.9), "patience": None}}, "seed=1, patience=3"),
        ({"fingerprint": "b", "validation": 4}, "data, held-out rows"),
        ({"version": "9"}, "version 1"),
    )
    for other, told in cases:
        with pytest.raises(ConfigError, match=rf"other settings or data \({told}\)") as caught:
            checkpoint.read(tmp_path, {**IDENTITY, **other})
        assert "--force" in caught.value.remedy


def test_what_came_of_the_first_of_two_trainings_is_no_obstacle_to_the_second(tmp_path):
    checkpoint.write(tmp_path, {"a": torch.zeros(1)}, {"identity": IDENTITY})
    second = {**IDENTITY, checkpoint.BEFORE: [{"step": 1}]}
    assert checkpoint.read(tmp_path, second) is None
    with pytest.raises(ConfigError, match="other settings or data"):
        checkpoint.read(tmp_path, {**second, "version": "9"})


@pytest.mark.parametrize("damage", ["empty", "half", "text", "foreign", "stateless"])
def test_a_file_that_cannot_be_read_is_refused(tmp_path, damage):
    path = tmp_path / checkpoint.FILE
    checkpoint.write(tmp_path, {"a": torch.zeros(100)}, STATE)
    whole = path.read_bytes()
    if damage == "foreign":
        save_file({"a": torch.zeros(1)}, path)
    elif damage == "stateless":
        save_file({"a": torch.zeros(1)}, path, metadata={"state": "{}", "checksum": "0"})
    else:
        path.write_bytes({"empty": b"", "half": whole[: len(whole) // 2], "text": b"hello, world" * 9}[damage])
    with pytest.raises(ConfigError, match="no checkpoint that can be read") as caught:
        checkpoint.read(tmp_path, STATE["identity"])
    assert "--force" in caught.value.remedy


def test_no_flipped_byte_goes_unnoticed(tmp_path):
    """Of the header, the state or the tensors; but for blanks that JSON does not count."""
    path = tmp_path / checkpoint.FILE
    checkpoint.write(tmp_path, {"a": torch.randn(5), "b": torch.arange(3)}, STATE)
    whole = path.read_bytes()
    blank = [place for place in range(8, 8 + int.from_bytes(whole[:8], "little")) if whole[place] == 32]
    for place in sorted(set(range(len(whole))) - set(blank)):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        with pytest.raises(ConfigError, match="no checkpoint that can be read"):
            checkpoint.read(tmp_path, STATE["identity"])


@pytest.mark.parametrize("moment", ["write", "sync", "replace"])
@pytest.mark.parametrize("fault", ["full", "killed"])
def test_a_full_disk_or_a_kill_while_it_is_written_keeps_the_checkpoint_before(tmp_path, monkeypatch, moment, fault):
    checkpoint.write(tmp_path, {"a": torch.ones(3)}, STATE)
    owner, name = {
        "write": (checkpoint, "write_through"),
        "sync": (checkpoint.os, "fsync"),
        "replace": (checkpoint.os, "replace"),
    }[moment]

    def full(*args: object, **kwargs: object) -> None:
        raise OSError(28, "No space left on device")

    def killed(*args: object, **kwargs: object) -> None:
        if moment == "write":  # half of it is there
            Path(args[0]).write_bytes(b"half")
        os._exit(9)

    with monkeypatch.context() as patch:
        patch.setattr(owner, name, full if fault == "full" else killed)
        if fault == "full":
            with pytest.raises(ConfigError, match=r"cannot be written.*No space left") as caught:
                checkpoint.write(tmp_path, {"a": torch.zeros(3)}, STATE)
            assert caught.value.remedy.startswith("Make room")
        elif in_a_child(checkpoint.write, tmp_path, {"a": torch.zeros(3)}, STATE) != 9:
            raise AssertionError("it was not killed")
    left = {path.name for path in tmp_path.iterdir()}
    assert left == {checkpoint.FILE, *([f"{checkpoint.FILE}.part"] if fault == "killed" else [])}
    tensors, _ = checkpoint.read(tmp_path, STATE["identity"])
    assert torch.equal(tensors["a"], torch.ones(3))
    checkpoint.write(tmp_path, {"a": torch.zeros(3)}, STATE)
    assert [path.name for path in tmp_path.iterdir()] == [checkpoint.FILE]
    (tmp_path / f"{checkpoint.FILE}.part").write_bytes(b"half")
    checkpoint.remove(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_grows_past_what_the_system_allows_keeps_the_checkpoint_before(tmp_path):
    """As on a disk that is really full: the system, not a stand-in, refuses to write on."""
    resource = pytest.importorskip("resource")
    checkpoint.write(tmp_path, {"a": torch.ones(3)}, STATE)

    def write() -> int:
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
        try:
            checkpoint.write(tmp_path, {"a": torch.zeros(100_000)}, STATE)
        except ConfigError as error:
            return 7 if "too large" in error.cause and error.remedy.startswith("Make room") else 1
        return 0

    assert in_a_child(write) == 7
    tensors, _ = checkpoint.read(tmp_path, STATE["identity"])
    assert torch.equal(tensors["a"], torch.ones(3))
    assert [path.name for path in tmp_path.iterdir()] == [checkpoint.FILE]


def in_a_child(call: Callable[..., int | None], *given: object) -> int:
    """The exit code of a process that makes the call."""
    if not hasattr(os, "fork"):
        pytest.skip("a system without fork")
    child = os.fork()
    if not child:
        code = 1
        try:
            code = call(*given) or 0
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def test_the_generators_of_the_device_are_restored_and_missing_ones_are_left_alone():
    cpu = torch.device("cpu")
    before = torch.get_rng_state()
    states = checkpoint.random_states(cpu)
    drawn = torch.rand(3)
    checkpoint.restore_random_states(states, cpu)
    assert torch.equal(torch.rand(3), drawn)
    checkpoint.restore_random_states({"cpu": before}, torch.device("cuda"))
    assert torch.equal(torch.rand(3), drawn)


def test_a_folder_that_cannot_be_made_is_a_clear_error(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(ConfigError, match="cannot be written"):
        checkpoint.write(tmp_path / "file", {"a": torch.zeros(1)}, STATE)
