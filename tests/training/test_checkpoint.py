"""A checkpoint is there as a whole or not at all, and is read only by the fit that it belongs to."""

import numpy as np
import pytest
import torch

from forecast.errors import ConfigError
from forecast.training import checkpoint

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


def test_a_checkpoint_of_other_settings_or_data_is_refused(tmp_path):
    checkpoint.write(tmp_path, {"a": torch.zeros(1)}, STATE)
    with pytest.raises(ConfigError, match="other settings or data") as caught:
        checkpoint.read(tmp_path, {"settings": [2, None, "a"], "levels": (0.1, 0.9)})
    assert "--force" in caught.value.remedy


@pytest.mark.parametrize("damage", ["empty", "half", "text", "foreign", "stateless"])
def test_a_file_that_cannot_be_read_is_refused(tmp_path, damage):
    from safetensors.torch import save_file

    path = tmp_path / checkpoint.FILE
    checkpoint.write(tmp_path, {"a": torch.zeros(100)}, STATE)
    whole = path.read_bytes()
    if damage == "foreign":
        save_file({"a": torch.zeros(1)}, path)
    elif damage == "stateless":
        save_file({"a": torch.zeros(1)}, path, metadata={"state": "{}"})
    else:
        path.write_bytes({"empty": b"", "half": whole[: len(whole) // 2], "text": b"hello, world" * 9}[damage])
    with pytest.raises(ConfigError, match="no checkpoint that can be read"):
        checkpoint.read(tmp_path, STATE["identity"])


@pytest.mark.parametrize("moment", ["save", "sync", "replace"])
def test_a_full_disk_keeps_the_checkpoint_before_and_says_so(tmp_path, monkeypatch, moment):
    checkpoint.write(tmp_path, {"a": torch.ones(3)}, STATE)

    def full(*args: object, **kwargs: object) -> None:
        raise OSError(28, "No space left on device")

    target = {
        "save": (checkpoint, "save_file"),
        "sync": (checkpoint.os, "fsync"),
        "replace": (checkpoint.os, "replace"),
    }
    monkeypatch.setattr(*target[moment], full)
    with pytest.raises(ConfigError, match=r"cannot be written.*No space left"):
        checkpoint.write(tmp_path, {"a": torch.zeros(3)}, STATE)
    monkeypatch.undo()
    tensors, _ = checkpoint.read(tmp_path, STATE["identity"])
    assert torch.equal(tensors["a"], torch.ones(3))
    assert [path.name for path in tmp_path.iterdir()] == [checkpoint.FILE]


def test_a_folder_that_cannot_be_made_is_a_clear_error(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(ConfigError, match="cannot be written"):
        checkpoint.write(tmp_path / "file", {"a": torch.zeros(1)}, STATE)
