"""Saved models: they come back as they were, and nothing damaged, foreign or dangerous is read."""

import hashlib
import json
import os
import pickle
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.numpy import load as from_bytes
from safetensors.numpy import save as to_bytes

from forecast import ConfigError, ModelFormatError, NotFittedError, create, load
from forecast.datasets import pack
from forecast.persistence import DOCUMENT, WEIGHTS, _checksum, read_document, save
from forecast.plain import from_plain, to_plain
from forecast.presets import PRESETS

MODELS = Path(__file__).parent / "data" / "models"
NEURAL = {"max_steps": 2, "hidden_size": 8, "batch_size": 4, "device": "cpu"}
SMALL = {
    "lstm": NEURAL,
    "transformer": NEURAL | {"heads": 2, "layers": 1},
    "transformer-encoder-decoder": NEURAL | {"heads": 2, "layers": 1},
    "hybrid": NEURAL | {"heads": 2},
}
BASELINES = tuple(name for name, row in PRESETS.items() if row.family == "baseline")
ENSEMBLES = ("combined", "conformal")


def monthly(steps=60, series=2):
    """A long frame of seasonal series with a covariate known ahead, a static category and a past covariate."""
    rng = np.random.default_rng(0)
    time = np.arange(steps)
    return pd.concat(
        pd.DataFrame(
            {
                "month": pd.date_range("2015-01-01", periods=steps, freq="MS"),
                "shop": f"shop {s}",
                "sales": 100 + 10 * s + 20 * np.sin(time * np.pi / 6) + rng.normal(0, 2, steps),
                "price": rng.uniform(1, 2, steps),
                "visitors": rng.poisson(50, steps).astype(float),
                "kind": "large" if s else "small",
            }
        )
        for s in range(series)
    ).reset_index(drop=True)


@pytest.fixture
def frame():
    return monthly()


@pytest.fixture
def folder(tmp_path):
    """A small saved model."""
    create("seasonal-naive", horizon=3).fit(monthly()[["month", "shop", "sales"]]).save(tmp_path / "model")
    return tmp_path / "model"


def rewrite(folder, change):
    """Change model.json as somebody would who knows how its checksum is made."""
    document = json.loads((folder / DOCUMENT).read_text(), object_hook=from_plain)
    del document["checksum"]
    change(document)
    document["checksum"] = _checksum(document)
    (folder / DOCUMENT).write_text(json.dumps(to_plain(document)))


def rewrite_weights(folder, change):
    """Change the arrays, checksums included."""
    arrays = dict(from_bytes((folder / WEIGHTS).read_bytes()))
    change(arrays)
    data = to_bytes(arrays)
    (folder / WEIGHTS).write_bytes(data)
    rewrite(folder, lambda d: d.update(weights={"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}))


# ---------------------------------------------------------------------- back as it was


@pytest.mark.parametrize("name", [*BASELINES, *ENSEMBLES, *SMALL])
def test_a_loaded_forecaster_forecasts_the_same(name, frame, tmp_path):
    roles = {"target": "sales", "id": "shop"}
    if name in SMALL:
        roles |= {"past": ("visitors",), "static": ("kind",)}
    model = create(name, horizon=3, **roles, **SMALL.get(name, {})).fit(frame)
    model.save(tmp_path / "model")
    again = load(tmp_path / "model")
    assert type(again) is type(model)
    assert again.get_params() == model.get_params()
    pd.testing.assert_frame_equal(again.predict(levels=(0.1, 0.9)), model.predict(levels=(0.1, 0.9)))
    pd.testing.assert_frame_equal(again.predict(frame.iloc[:-5]), model.predict(frame.iloc[:-5]))


def test_what_was_recorded_comes_back(frame, tmp_path):
    model = create("drift", horizon=4, target="sales", id="shop", seed=7).fit(frame)
    model.save(tmp_path / "model")
    again = load(tmp_path / "model")
    assert again.schema_ == model.schema_
    assert again.season_ == model.season_
    assert again.fitted_ends_ == model.fitted_ends_
    assert again.report_ == to_plain(model.report_)
    document = read_document(tmp_path / "model")
    assert document["format"] == 1
    assert document["forecaster"] == "drift"
    assert document["settings"]["seed"] == 7
    assert {"seqcast", "python", "numpy", "pandas", "torch"} <= document["versions"].keys()
    assert len(document["training_ends"]) == 2


def test_no_import_path_stands_in_the_file(folder):
    assert "forecast." not in (folder / DOCUMENT).read_text()


def test_transforms_and_bounds_come_back(frame, tmp_path):
    model = create("naive", horizon=2, target="sales", id="shop", transform="box-cox", lower=0.0, upper=105.0).fit(
        frame
    )
    model.save(tmp_path / "model")
    expected = model.predict(levels=(0.05, 0.95))
    pd.testing.assert_frame_equal(load(tmp_path / "model").predict(levels=(0.05, 0.95)), expected)
    assert expected["q0.95"].max() <= 105


@pytest.mark.parametrize("folder", sorted(MODELS.glob("v*/")), ids=lambda path: path.name)
def test_models_of_every_format_can_still_be_read(folder):
    expected = pd.read_csv(folder.parent / f"{folder.name}.csv", parse_dates=["month"])
    found = load(folder).predict(levels=(0.1, 0.5, 0.9))
    found["month"] = found["month"].astype(expected["month"].dtype)
    pd.testing.assert_frame_equal(found, expected, rtol=1e-4, check_dtype=False)


def test_there_is_a_model_of_every_format():
    assert {path.name.split("-")[0] for path in MODELS.glob("v*") if path.is_dir()} == {"v1"}


# ---------------------------------------------------------------------- writing


def test_an_unfitted_forecaster_is_not_saved(tmp_path):
    with pytest.raises(NotFittedError):
        save(create("naive", horizon=2), tmp_path / "model")
    assert not list(tmp_path.iterdir())


def test_a_folder_that_is_not_empty_is_kept(tmp_path, folder):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years of work")
    with pytest.raises(ConfigError, match="is not empty"):
        load(folder).save(tmp_path / "mine")
    load(folder).save(tmp_path / "mine", force=True)
    assert (tmp_path / "mine" / "thesis.txt").read_text() == "years of work"
    assert load(tmp_path / "mine").horizon == 3


def test_force_replaces_a_model(tmp_path, folder):
    create("naive", horizon=5).fit(np.arange(30.0)).save(folder, force=True)
    assert load(folder).horizon == 5
    assert {path.name for path in folder.iterdir()} == {DOCUMENT, WEIGHTS}


def test_a_file_in_the_way_is_a_wrong_setting(tmp_path, folder):
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="is a file"):
        load(folder).save(tmp_path / "file")
    with pytest.raises(ConfigError, match="cannot be written"):
        load(folder).save(tmp_path / "file" / "model")


@pytest.mark.parametrize("exists", [False, True])
def test_saving_that_fails_leaves_nothing_half_written(tmp_path, folder, monkeypatch, exists):
    model, target = load(folder), tmp_path / "other"
    if exists:
        target.mkdir()

    def full(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(ConfigError, match="No space left"):
        model.save(target)
    assert sorted(path.name for path in tmp_path.rglob("*") if path.parent != folder) == ["model"] + ["other"] * exists


def test_interrupted_saving_leaves_the_old_model(tmp_path, folder, monkeypatch):
    def interrupt(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr("os.fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        create("naive", horizon=5).fit(np.arange(30.0)).save(folder, force=True)
    monkeypatch.undo()
    assert load(folder).horizon == 3
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


# ---------------------------------------------------------------------- damaged


def refused(folder, match):
    with pytest.raises(ModelFormatError, match=match) as caught:
        load(folder)
    assert caught.value.exit_code == 4
    assert caught.value.remedy


def test_a_missing_folder_is_refused(tmp_path):
    refused(tmp_path / "nowhere", "does not exist")


def test_a_file_is_no_model(tmp_path):
    (tmp_path / "model.csv").write_text("a,b")
    refused(tmp_path / "model.csv", "is a file, not a model folder")


def test_an_empty_folder_is_refused(tmp_path):
    refused(tmp_path, f"holds no {DOCUMENT}")


def test_missing_weights_are_refused(folder):
    (folder / WEIGHTS).unlink()
    refused(folder, "is missing")


@pytest.mark.parametrize("share", [0, 0.3, 0.99])
@pytest.mark.parametrize("name", [DOCUMENT, WEIGHTS])
def test_a_file_that_was_cut_off_is_refused(folder, name, share):
    data = (folder / name).read_bytes()
    (folder / name).write_bytes(data[: int(share * len(data))])
    refused(folder, "is cut off or damaged|bytes where")


def test_weights_with_a_flipped_bit_are_refused(folder):
    data = bytearray((folder / WEIGHTS).read_bytes())
    data[-5] ^= 1
    (folder / WEIGHTS).write_bytes(data)
    refused(folder, "does not belong to this")


def test_weights_of_another_model_are_refused(tmp_path, folder):
    create("seasonal-naive", horizon=3).fit(monthly()[["month", "shop", "sales"]].assign(sales=1.0)).save(
        tmp_path / "b"
    )
    shutil.copy(tmp_path / "b" / WEIGHTS, folder)
    refused(folder, "does not belong|bytes where")


@pytest.mark.parametrize("change", [("horizon", 99), ("seed", 1), ("season", 7)])
def test_an_edited_description_is_refused(folder, change):
    document = json.loads((folder / DOCUMENT).read_text())
    document["settings"][change[0]] = change[1]
    (folder / DOCUMENT).write_text(json.dumps(document))
    refused(folder, "was changed after it was written")


def test_other_blanks_and_order_are_no_edit(folder):
    document = json.loads((folder / DOCUMENT).read_text())
    (folder / DOCUMENT).write_text(json.dumps(dict(reversed(document.items()))))
    assert load(folder).horizon == 3


@pytest.mark.parametrize("text", ["", "null", "[]", "{}", "[" * 100_000, '{"format": NaN}', '{"format": "1"}', "\xff"])
def test_what_is_no_description_is_refused(folder, text):
    (folder / DOCUMENT).write_bytes(text.encode("latin-1"))
    refused(folder, DOCUMENT)


@pytest.mark.parametrize("written_by", ["3.1.0", "$(reboot)", None])
def test_a_newer_format_names_the_version_to_install(folder, written_by):
    rewrite(folder, lambda d: d.update(format=2, versions={"seqcast": written_by}))
    wanted = "'seqcast>=3.1.0'" if written_by == "3.1.0" else "'seqcast'"
    refused(folder, f"has format 2; seqcast .* reads formats up to 1\n.*pip install --upgrade {wanted}")


@pytest.mark.parametrize(
    "change",
    [
        lambda d: d.update(forecaster="os:system"),
        lambda d: d.update(forecaster=["naive"]),
        lambda d: d.update(settings=None),
        lambda d: d["settings"].update(horizon="many"),
        lambda d: d["settings"].update(horizon=-1),
        lambda d: d["settings"].update(volume=11),
        lambda d: d.pop("context"),
        lambda d: d.pop("weights"),
        lambda d: d.update(season=None),
        lambda d: d.update(training_ends=[1]),
        lambda d: d["context"]["ids"].update(dtype="O8, (lambda: 0)()"),
        lambda d: d["context"]["ids"].update(values=["a", "b", "c"]),
        lambda d: d["context"]["schema"].update(target=["a", "b"]),
        lambda d: d["context"]["schema"].update(planet="Mars"),
        lambda d: d["context"]["timeline"].update(freq="fortnightly"),
        lambda d: d["context"]["timeline"].update(phase=[]),
        lambda d: d["context"].update(timeline=7),
        lambda d: d.update(season=-1),
        lambda d: d["transform"].update(lower="x"),
        lambda d: d["transform"].update(upper={}),
    ],
)
def test_a_forged_description_is_refused(folder, change):
    rewrite(folder, change)
    refused(folder, DOCUMENT)


@pytest.mark.parametrize(
    "change",
    [
        lambda a: a.pop("panel.target"),
        lambda a: a.update({"panel.target": a["panel.target"][:-1]}),
        lambda a: a.update({"panel.target": a["panel.target"].astype(np.int64)}),
        lambda a: a.update({"panel.offsets": a["panel.offsets"][::-1].copy()}),
        lambda a: a.update({"panel.ends": a["panel.ends"] + 1000}),
        lambda a: a.update({"panel.starts": a["panel.starts"].astype(np.float32)}),
    ],
)
def test_forged_arrays_are_refused(folder, change):
    rewrite_weights(folder, change)
    refused(folder, DOCUMENT)


@pytest.mark.parametrize("name", ["theta", "linear", "combined", "conformal"])
def test_damaged_arrays_of_what_was_learned_are_refused(name, frame, tmp_path):
    """Whatever is cut off, reshaped or no number: it would end in a traceback at the first forecast, or in NaN."""
    settings = {"combined": {"members": ["naive", "linear"]}, "conformal": {"forecaster": "linear", "folds": 3}}
    create(name, horizon=3, season=4, **settings.get(name, {})).fit(frame[["month", "shop", "sales"]]).save(
        tmp_path / "whole"
    )
    found = []
    rewrite_weights(tmp_path / "whole", lambda arrays: found.extend((n, a.dtype.kind) for n, a in arrays.items()))
    floats = [n for n, kind in found if n.startswith("learned.") and kind == "f"]
    assert floats
    for key in floats:
        for damage in (lambda a: a[:-1].copy(), lambda a: a[None].copy(), lambda a: np.full_like(a, np.nan)):
            if key.endswith(("numbers", "scale")) and damage(np.zeros(2)).shape == (2,):
                continue  # what a series without a value has learned is no number
            shutil.copytree(tmp_path / "whole", tmp_path / "broken")
            rewrite_weights(tmp_path / "broken", lambda a, key=key, damage=damage: a.update({key: damage(a[key])}))
            refused(tmp_path / "broken", DOCUMENT)
            shutil.rmtree(tmp_path / "broken")


@pytest.mark.parametrize("sizes", [[], [[10**12, 0, 0]], [[-1, 1, 1]]])
def test_sizes_that_are_not_those_of_the_arrays_are_refused(sizes, frame, tmp_path):
    create("theta", horizon=3, season=4).fit(frame[["month", "shop", "sales"]]).save(tmp_path / "model")
    rewrite(tmp_path / "model", lambda d: d["state"].update(sizes=sizes))
    refused(tmp_path / "model", DOCUMENT)


@pytest.mark.parametrize(
    "change",
    [
        lambda d: d["settings"].update(hidden_size=40_000),
        lambda d: d["settings"].update(layers=10**7),
        lambda d: d["settings"].update(horizon=10**9),
        lambda d: d["settings"].update(levels=[0.5]),
        lambda d: d["state"]["sizes"].update(horizon=10**9),
        lambda d: d["state"]["sizes"].update(known=10**9),
        lambda d: d["state"]["sizes"].update(series="many"),
        lambda d: d["state"]["resolved"].update(lookback=10**9),
        lambda d: d["state"]["resolved"].update(min_context="x"),
    ],
)
def test_forged_sizes_of_a_network_are_refused_before_any_memory_is_taken(frame, tmp_path, monkeypatch, change):
    create("lstm", horizon=3, target="sales", id="shop", **NEURAL).fit(frame).save(tmp_path / "model")
    rewrite(tmp_path / "model", change)
    monkeypatch.setattr("torch.nn.Module.load_state_dict", None)  # the last step would fail with a plain TypeError
    with pytest.raises(ModelFormatError, match=DOCUMENT) as caught:
        load(tmp_path / "model")
    assert "NoneType" not in str(caught.value)


def test_weights_that_are_not_finite_are_refused(frame, tmp_path):
    create("lstm", horizon=3, target="sales", id="shop", **NEURAL).fit(frame).save(tmp_path / "model")

    def spoil(arrays):
        name = next(name for name in arrays if name.startswith("learned.decoder"))
        arrays[name] = np.full_like(arrays[name], np.nan)

    rewrite_weights(tmp_path / "model", spoil)
    refused(tmp_path / "model", "not finite")


def test_weights_that_do_not_fit_the_network_are_refused(frame, tmp_path):
    model = create("lstm", horizon=3, target="sales", id="shop", **NEURAL).fit(frame)
    model.save(tmp_path / "model")

    def widen(arrays):
        name = next(name for name in arrays if name.startswith("learned."))
        arrays[name] = np.zeros((3, *arrays[name].shape), np.float32)

    rewrite_weights(tmp_path / "model", widen)
    refused(tmp_path / "model", "does not describe a forecaster")


# ---------------------------------------------------------------------- dangerous


class Trap:
    """Unpickling it would leave a trace."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (open, (str(self.path), "w"))


@pytest.mark.parametrize("name", ["weights.pkl", "model.pt", "weights.bin", "notes.txt", DOCUMENT, WEIGHTS])
@pytest.mark.parametrize("protocol", [2, 5])
def test_a_pickle_is_refused_and_never_executed(folder, tmp_path, name, protocol):
    (folder / name).write_bytes(pickle.dumps(Trap(tmp_path / "trace"), protocol=protocol))
    refused(folder, "could carry code")
    assert not (tmp_path / "trace").exists()


def test_weights_whose_header_has_the_length_of_a_pickles_first_bytes_are_read(folder):
    path = folder / "weights.safetensors"
    weights = path.read_bytes()
    length = int.from_bytes(weights[:8], "little")
    wanted = next(size for size in (0x280, 0x380, 0x480, 0x580, 0x10280, 0x20380) if size >= length)
    path.write_bytes(wanted.to_bytes(8, "little") + weights[8 : 8 + length].ljust(wanted) + weights[8 + length :])
    with pytest.raises(ModelFormatError, match=r"has \d+ bytes where|belong") as told:
        load(folder)  # the header is not the one that was written, but nobody takes it for code
    assert "could carry code" not in str(told.value)


def test_a_zip_that_could_hold_a_pickle_is_refused(folder):
    with zipfile.ZipFile(folder / "extra", "w") as archive:
        archive.writestr("data.pkl", b"")
    refused(folder, "could carry code")


@pytest.mark.skipif(os.name == "nt", reason="links need rights that tests do not have there")
@pytest.mark.parametrize("name", [WEIGHTS, DOCUMENT, "more"])
def test_links_are_refused(folder, tmp_path, name):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_bytes((folder / WEIGHTS).read_bytes())
    (folder / name).unlink(missing_ok=True)
    (folder / name).symlink_to(elsewhere)
    refused(folder, "is a link")


def test_a_harmless_file_may_lie_beside_a_model(folder):
    (folder / "README.txt").write_text("the model of last spring")
    assert load(folder).horizon == 3


def test_reading_a_description_imports_no_torch(folder):
    code = f"import sys, forecast.persistence as p; p.read_document({str(folder)!r}); print('torch' in sys.modules)"
    result = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True)
    assert result.stdout.strip() == "False", result.stderr


def test_loading_leaves_the_random_state_of_torch_as_it_was(tmp_path):
    save(create("lstm", horizon=2, **NEURAL).fit(np.arange(40.0)), tmp_path / "model")
    before = torch.get_rng_state()
    load(tmp_path / "model").predict()
    assert torch.equal(torch.get_rng_state(), before)


def test_a_packed_panel_is_no_model(tmp_path):
    pack(pd.DataFrame({"id": ["a"] * 9, "day": pd.date_range("2024", periods=9), "y": range(9)}), tmp_path / "panel")
    with pytest.raises(ModelFormatError, match="is a packed panel, not a model"):
        load(tmp_path / "panel")
