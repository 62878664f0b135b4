"""What only a GPU can show: each family trains there, without waits, resumes, and its models work on a CPU."""

import numpy as np
import pandas as pd
import pytest
import torch

from forecast import create, load
from forecast.training.device import find_precision

pytestmark = [
    pytest.mark.cuda,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device"),
]
FAMILIES = ("lstm", "gru", "transformer", "hybrid")


def wave() -> pd.DataFrame:
    """Three series with a daily cycle, some steps of which are missing."""
    rng = np.random.default_rng(0)
    times = pd.date_range("2024-01-01", periods=400, freq="h")
    frames = []
    for number in range(3):
        y = np.sin((np.arange(400) + 5 * number) * np.pi / 12) + 0.1 * rng.normal(size=400)
        y[rng.random(400) < 0.05] = np.nan
        y[-1] = 0.5
        frames.append(pd.DataFrame({"unique_id": f"s{number}", "ds": times, "y": y}))
    return pd.concat(frames, ignore_index=True)


def made(name: str, **settings):
    shared = {"horizon": 12, "lookback": 48, "hidden_size": 32, "max_steps": 60, "dropout": 0.0}
    return create(name, **{**shared, **settings})


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("name", FAMILIES)
def test_a_family_trained_on_the_gpu_forecasts_as_well_as_one_trained_on_the_cpu(name, precision):
    gpu = made(name, device="cuda", precision=precision).fit(wave())
    cpu = made(name, device="cpu").fit(wave())
    assert {p.device.type for p in gpu.network_.parameters()} == {"cuda"}
    assert {p.dtype for p in gpu.network_.parameters()} == {torch.float32}
    assert gpu.report_["validation_loss"] == pytest.approx(cpu.report_["validation_loss"], rel=0.2)
    levels = gpu.predict(levels=(0.1, 0.5, 0.9)).filter(like="q0").to_numpy()
    assert np.isfinite(levels).all()
    assert (np.diff(levels, axis=1) >= 0).all()


@pytest.mark.parametrize("name", FAMILIES)
def test_a_model_saved_on_the_gpu_forecasts_the_same_on_the_cpu(name, tmp_path):
    model = made(name, device="cuda").fit(wave())
    model.save(tmp_path / "model")
    for device in ("cpu", "cuda"):
        again = load(tmp_path / "model", device=device)
        pd.testing.assert_frame_equal(again.predict(), model.predict(), rtol=1e-2, atol=1e-2)  # recurrence in TF32


@pytest.mark.parametrize("name", FAMILIES)
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_no_step_waits_for_the_gpu(name, precision, monkeypatch):
    from forecast.training.loop import Training

    whole = Training._step

    def watched(self, rate):
        if self.progress.step < 5:  # libraries are set up, segments counted
            return whole(self, rate)
        torch.cuda.set_sync_debug_mode("error")
        try:
            return whole(self, rate)
        finally:
            torch.cuda.set_sync_debug_mode("default")

    monkeypatch.setattr(Training, "_step", watched)
    assert made(name, device="cuda", precision=precision, dropout=0.1).fit(wave()).report_["steps"] == 60


def test_an_interrupted_fit_goes_on_with_the_random_state_of_the_gpu(tmp_path):
    def interrupt(step, seconds, losses):
        if step >= 30:
            raise KeyboardInterrupt

    settings = {"device": "cuda", "dropout": 0.2}
    whole = made("lstm", **settings).fit(wave())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("forecast.training.checkpoint.LEAST_SECONDS", 0.0)
        patch.setattr("forecast.training.checkpoint.SHARE", 1e9)
        with pytest.raises(KeyboardInterrupt):
            made("lstm", **settings).fit(wave(), checkpoint=tmp_path, on_report=interrupt)
    again = made("lstm", **settings).fit(wave(), checkpoint=tmp_path)
    losses = [[row["loss"] for row in model.report_["history"]] for model in (whole, again)]
    np.testing.assert_allclose(losses[1], losses[0], rtol=1e-3)


def test_a_lack_of_memory_on_the_gpu_is_met_with_smaller_passes(monkeypatch):
    from forecast.training.step import Step

    whole = Step._backward

    def limited(self, window):
        if len(window.target) > 16:
            torch.empty(1 << 50, dtype=torch.uint8, device="cuda")
        return whole(self, window)

    monkeypatch.setattr(Step, "_backward", limited)
    model = made("lstm", device="cuda", batch_size=64).fit(wave())
    assert "each batch was trained in 4 passes" in model.report_["notes"][-1]["message"]


def test_a_gpu_that_is_not_there_is_refused():
    from forecast.errors import ConfigError

    with pytest.raises(ConfigError, match="cannot be used"):
        made("lstm", device="cuda:99").fit(wave())


def test_gpus_that_compute_in_bfloat16_do_so_unless_told_otherwise():
    able = torch.cuda.is_bf16_supported(including_emulation=False)
    assert (find_precision("auto", torch.device("cuda")) == torch.bfloat16) == able


@pytest.mark.slow
def test_a_compiled_training_on_the_gpu_comes_to_the_same():
    plain, compiled = (
        made("transformer", device="cuda", precision="float32", compile=c).fit(wave()) for c in (False, True)
    )
    assert plain.network_.state_dict().keys() == compiled.network_.state_dict().keys()
    assert compiled.report_["validation_loss"] == pytest.approx(plain.report_["validation_loss"], rel=0.05)
