"""What a user sees of recurrent decoders and of windows that are shifted by their last value."""

import numpy as np
import pytest

from forecast import LSTMForecaster, load
from forecast.errors import ConfigError
from forecast.layers.scheduled import Scheduled
from forecast.networks.decoders.recurrent import RecurrentDecoder

SMALL = {"horizon": 4, "hidden_size": 8, "max_steps": 6, "threads": 1, "season": 6, "lookback": 12, "patch": 2}


def wave(steps: int = 90) -> np.ndarray:
    return 5 + np.sin(np.arange(steps) * np.pi / 3) + 0.2 * np.random.default_rng(0).normal(size=steps)


@pytest.mark.parametrize("decoder", ["direct", "parallel"])
def test_attention_needs_a_decoder_that_goes_step_by_step(decoder):
    with pytest.raises(ConfigError, match="decoder_attention='dot' needs decoder='recurrent'"):
        LSTMForecaster(**SMALL, decoder=decoder, decoder_attention="dot").fit(wave())


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"teacher_forcing": 0.5}, "teacher_forcing=0.5 has no effect without decoder='recurrent'"),
        ({"decoder": "autoregressive", "free_from": 0.1}, "free_from=0.1 has no effect"),
        ({"lags": (6,)}, r"lags=\(6,\) has no effect without decoder='autoregressive'"),
        ({"decoder": "recurrent", "paths": 9}, "paths=9 has no effect"),
        ({"decoder": "autoregressive", "lags": (6, 13)}, "reach further back than the 12 steps"),
        ({"decoder": "autoregressive", "bidirectional": True}, "goes on from a carried state"),
    ],
)
def test_what_a_decoder_would_not_heed_is_refused(settings, reason):
    with pytest.raises(ConfigError, match=reason):
        LSTMForecaster(**SMALL, **settings).fit(wave())


def test_a_decoder_is_told_before_every_step_how_far_the_training_is(monkeypatch):
    told: list[float] = []
    monkeypatch.setattr(RecurrentDecoder, "advance", lambda self, progress: told.append(progress))
    LSTMForecaster(**SMALL, decoder="recurrent").fit(wave())
    assert told == pytest.approx([0, 1 / 6, 2 / 6, 3 / 6, 4 / 6, 5 / 6])
    assert issubclass(RecurrentDecoder, Scheduled)


def test_fine_tuning_feeds_a_decoder_what_it_was_fed_at_the_end_of_the_training(tmp_path, monkeypatch):
    """Told the answer again, it would unlearn to read its own forecasts."""
    LSTMForecaster(**SMALL, decoder="recurrent").fit(wave()[:80]).save(tmp_path / "model")
    shares: list[float] = []
    forced = RecurrentDecoder._forced

    def watched(decoder: RecurrentDecoder, window: object) -> object:
        if decoder.training:
            shares.append(float(decoder.share))
        return forced(decoder, window)

    monkeypatch.setattr(RecurrentDecoder, "_forced", watched)
    load(tmp_path / "model").fine_tune(wave()[80:], max_steps=3)
    assert shares == [0.0, 0.0, 0.0]


@pytest.mark.parametrize("attention", ["none", "additive", "dot", "general"])
def test_a_saved_decoder_goes_on_where_it_was(attention, tmp_path):
    model = LSTMForecaster(**SMALL, decoder="recurrent", decoder_attention=attention).fit(wave()[:80])
    model.save(tmp_path / "model")
    again = load(tmp_path / "model")
    np.testing.assert_allclose(again.predict(), model.predict())
    again.fine_tune(wave()[80:], max_steps=3)
    assert np.isfinite(again.predict()).all()


@pytest.mark.parametrize("decoder", ["direct", "parallel"])
def test_forecasts_of_windows_shifted_by_their_last_value_move_with_it(decoder, tmp_path):
    values = wave()
    model = LSTMForecaster(**SMALL, decoder=decoder, location="last", highway=False).fit(values)
    for parameter in model.network_.parameters():
        parameter.data.zero_()
    gap = np.append(values, [9.0, np.nan])  # the last observed one counts
    np.testing.assert_allclose(model.predict(gap), 9.0, rtol=1e-5)
    model.save(tmp_path / "model")
    np.testing.assert_allclose(load(tmp_path / "model").predict(gap), 9.0, rtol=1e-5)
