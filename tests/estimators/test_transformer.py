"""The Transformer's mechanisms as a user meets them: what goes together, what is saved, what is carried."""

import numpy as np
import pytest

from forecast import ConfigError, create, load

SMALL = {"horizon": 4, "hidden_size": 8, "heads": 2, "layers": 1, "max_steps": 4, "threads": 1, "device": "cpu"}
TOGETHER = [
    ({"positions": "alibi", "attention": "linear"}, "keeps no scores"),
    ({"memory": "recurrence", "architecture": "encoder"}, "reads segments in order"),
    ({"memory": "compressive", "attention": "local"}, "says who reads whom"),
    ({"memory": "recurrence", "block": "compact"}, "takes its mean over"),
    ({"block": "compact", "attention": "local"}, "zero queries give a mean"),
    ({"block": "compact", "positions": "relative"}, "zero queries give a mean"),
    ({"block": "compact", "architecture": "encoder-decoder"}, "no cross-attention"),
    ({"span": 3}, "span=3 has no effect without an attention to a part"),
    ({"segment": 3, "memory_length": 2}, "segment=3 has no effect without a memory; memory_length=2"),
    ({"memory": "recurrence", "compression": 3}, "compression=3 has no effect without memory='compressive'"),
    ({"tied": True}, "tied=True shares full attention"),
    ({"tied": True, "architecture": "encoder-decoder", "attention": "local"}, "tied=True shares full attention"),
]


def wave(steps: int = 120) -> np.ndarray:
    return 5 + np.sin(np.arange(steps) * np.pi / 3) + 0.1 * np.random.default_rng(0).normal(size=steps)


@pytest.mark.parametrize(("settings", "reason"), TOGETHER)
def test_what_does_not_go_together_is_refused_with_the_reason(settings, reason):
    with pytest.raises(ConfigError, match=reason):
        create("transformer", **SMALL, **settings).fit(wave())


@pytest.mark.parametrize("name", ["tied", "transformer-xl", "compressive-transformer", "compact"])
def test_a_saved_forecaster_forecasts_as_before(name, tmp_path):
    model = create(name, **SMALL).fit(wave())
    model.save(tmp_path / "model")
    np.testing.assert_array_equal(load(tmp_path / "model").predict(), model.predict())


def test_tied_halves_stay_tied_when_saved_and_trained_on(tmp_path):
    model = create("tied", **SMALL).fit(wave())
    free = create("transformer-encoder-decoder", **SMALL).fit(wave())
    assert model.report_["parameters"] < free.report_["parameters"]
    model.save(tmp_path / "model")
    later = load(tmp_path / "model").fine_tune(wave(140), max_steps=2)
    encoder, decoder = later.network_.encoder.blocks[0], later.network_.decoder[0]
    assert encoder.attention.inputs.weight is decoder.itself.inputs.weight
    assert encoder.feed[0].weight is decoder.feed[0].weight


@pytest.mark.parametrize("positions", ["relative", "alibi"])
@pytest.mark.parametrize("name", ["transformer", "hybrid", "transformer-xl", "compressive-transformer"])
def test_distances_stream(name, positions):
    settings = {key: value for key, value in SMALL.items() if key != "layers"}
    model = create(name, **settings, positions=positions).fit(wave())
    assert np.isfinite(np.asarray(model.stream(wave()).update(wave(121)[120:]), float)).all()
