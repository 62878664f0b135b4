"""Windows of a panel on disk are those of the same panel in memory."""

from dataclasses import fields

import numpy as np
import pandas as pd
import pytest
import torch

from forecast.datasets import load_panel, pack, scaling, stored
from forecast.datasets.batches import Batches
from forecast.datasets.checks import observed_steps
from forecast.datasets.fingerprint import fingerprint
from forecast.datasets.inputs import Covariates
from forecast.datasets.scaling import series_statistics
from forecast.datasets.schema import Roles
from forecast.datasets.windows import Windows

LENGTHS = (60, 1, 35, 80, 47)


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    """One panel with gaps, levels from 0 to 1e9 and covariates of all kinds: in memory, and on disk."""
    rng = np.random.default_rng(3)
    frame = pd.concat(
        [
            pd.DataFrame(
                {
                    "unique_id": f"s{s}",
                    "ds": pd.date_range("2021-01-01", periods=length + 6),
                    "u": np.append(10.0 ** (3 * s) + rng.normal(size=length), [np.nan] * 6),
                    "v": np.append(rng.normal(size=length), [np.nan] * 6),
                    "price": rng.normal(size=length + 6),
                    "promo": rng.choice(["a", "b"], length + 6),
                    "warm": rng.normal(size=length + 6),
                }
            )
            for s, length in enumerate(LENGTHS)
        ]
    )
    frame.loc[rng.random(len(frame)) < 0.1, ["u", "warm"]] = np.nan
    roles = Roles(target=("u", "v"), past=("warm",), future=("price", "promo"))
    return load_panel(frame, roles), pack(frame, tmp_path_factory.mktemp("windows") / "panel", roles)


@pytest.fixture(params=["roomy", "tight"], autouse=True)
def _sizes(request, monkeypatch):
    """The same where only a few rows may be taken at a time."""
    if request.param == "tight":
        monkeypatch.setattr(scaling, "BLOCK_ROWS", 16)
        monkeypatch.setattr(stored, "RESIDENT", 1 << 17)


def windows(panel, **options):
    covariates = Covariates.learn(panel, calendar=True, holidays=None)
    settings = {"lookback": 12, "horizon": 4, "stride": 2, "min_context": 3} | options
    return Windows(panel, covariates=covariates, **settings)


def assert_close(one, two, *, exact):
    for part in fields(one):
        first, second = getattr(one, part.name), getattr(two, part.name)
        if first is None:
            assert second is None
        elif exact or first.dtype in (torch.int64, torch.bool):
            assert torch.equal(first, second), part.name
        else:
            torch.testing.assert_close(second, first, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("rounded", [False, True])
@pytest.mark.parametrize("behind", [0, 1, 9])
def test_every_window_is_the_same_also_of_a_panel_that_is_cut(both, behind, rounded):
    cuts = [panel.cut(np.maximum(panel.ends - behind, 0)) for panel in both]
    one, two = (windows(panel, rounded=rounded) for panel in cuts)
    assert one.count(3) == two.count(3)
    numbers = torch.arange(one.count(3))
    found = [w.gather(*w.segments(numbers, 3), origins=3, answers=True) for w in (one, two)]
    assert_close(*found, exact=behind == 0 or rounded)
    np.testing.assert_allclose(two.targets.scale, one.targets.scale, rtol=1e-12)


def test_standardisation_takes_nothing_from_behind_the_first_origin(both):
    known = np.array([7, 0, 30, 79, 1])
    one, two = (series_statistics(panel, known) for panel in both)
    np.testing.assert_array_equal(two.count, one.count)
    np.testing.assert_allclose(two.location, one.location, rtol=1e-12)
    np.testing.assert_allclose(two.scale(), one.scale(), rtol=1e-9)


def test_a_spike_in_the_rows_taken_off_leaves_no_trace_in_the_others(tmp_path):
    values = np.append(np.random.default_rng(0).normal(size=40), 1e12)
    panel = load_panel(pd.DataFrame({"ds": pd.date_range("2021", periods=41), "y": values}))
    packed = pack(panel, tmp_path / "panel")
    one, two = (series_statistics(p, np.array([40])).scale() for p in (panel, packed))
    np.testing.assert_allclose(two, one, rtol=1e-12)


def test_observed_steps_and_fingerprint_are_known_without_reading_the_rows(both):
    memory, disk = both
    for behind in (0, 5):
        ends = np.maximum(memory.ends - behind, 0)
        np.testing.assert_array_equal(observed_steps(disk.cut(ends)), observed_steps(memory.cut(ends)))
        assert fingerprint(disk.cut(ends)) == fingerprint(memory.cut(ends))


def test_covariates_learn_the_same_statistics(both):
    one, two = (Covariates.learn(panel, calendar=True, holidays=None).to_json() for panel in both)
    for kind in ("past", "future"):
        for name in ("location", "scale"):
            np.testing.assert_allclose(two[kind].pop(name), one[kind].pop(name), rtol=1e-12)
    assert one == two


# ---------------------------------------------------------------------- gathered ahead on a thread


def batches(panel, **options):
    return Batches(windows(panel, rounded=True), **{"batch_size": 5, "origins": 2, "seed": 1} | options)


def test_a_batch_is_the_same_in_whatever_order_one_comes_to_it_and_without_the_thread(both):
    alone, ahead = (batches(panel) for panel in both)
    for number in (0, 1, 2, 40, 17, 18, 3):
        assert_close(alone[number], ahead[number], exact=True)
    ahead.close()


def test_the_thread_ends_with_the_batches(both):
    import threading

    before = threading.active_count()
    ahead = batches(both[1])
    ahead[0]
    assert threading.active_count() == before + 1
    ahead.close()
    assert threading.active_count() == before


def test_what_goes_wrong_on_the_thread_is_raised_where_the_batch_is_asked_for(both, monkeypatch):
    ahead = batches(both[1])
    ahead[0]

    def broken(*_, **__):
        raise RuntimeError("the disk went away")

    monkeypatch.setattr(ahead.windows, "of_numbers", broken)
    with pytest.raises(RuntimeError, match="the disk went away"):
        ahead[200]
    ahead.close()
