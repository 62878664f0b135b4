"""What every network promises, over every architecture, kind of token and set of covariates.

Networks of other distributions promise the same: those that are installed where this runs, and always the one of
``examples/own_mechanism.py``.

Dimension key: B batch, T time, L lookback, H horizon, O origins, C channels, Q outputs per step.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import pytest
import torch
from torch import Tensor

from forecast.datasets.windows import Window
from forecast.errors import ConfigError
from forecast.estimators.defaults import Resolved
from forecast.estimators.neural import NeuralForecaster
from forecast.networks.base import Network, Sizes
from forecast.networks.tokens import blocks_ahead
from forecast.outputs import PointOutput
from forecast.presets import create, forecaster_class, forecasters

pytestmark = pytest.mark.usefixtures("averages")
CLOSE = {"atol": 2e-5, "rtol": 1e-4}
SMALL = {"hidden_size": 16, "heads": 2, "dropout": 0.0}
VARIANTS: dict[str, dict[str, object]] = {  # beside the presets: settings that change how a network is put together
    "lstm": {"layers": 2, "highway": False},
    "gru": {"channels": "independent"},
    "rnn": {"layers": 2, "bidirectional": True, "residual": False},
    "xlstm": {"layers": 2, "decoder": "dense"},
    "p-slstm": {"cell": "mlstm", "highway": False},
    "transformer": {"positions": "rotary", "highway": False},
    "transformer-encoder": {"channels": "independent"},
    "transformer-encoder-decoder": {"highway": False, "channels": "independent"},
    "transformer-xl": {"positions": "alibi", "segment": 2},
    "compressive-transformer": {"positions": "rotary", "segment": 1, "block": "post-norm"},
    "compact": {"positions": "rotary", "feed": "glu", "architecture": "encoder"},
    "tied": {"positions": "relative", "block": "post-norm", "feed": "glu"},
    "linear-transformer": {"block": "reversible", "highway": False},
    "hybrid": {"positions": "rotary", "cell": "gru", "highway": False},
    "hybrid-interleaved": {"attention": "linear", "layers": 1},
    "hybrid-parallel": {"attention": "local", "positions": "rotary", "span": 2},
    "hybrid-memory": {"positions": "rotary", "heads": 2},
    "tft": {"positions": "learned", "layers": 2, "attention_layers": 2, "highway": False},
    "logsparse": {"kernel": 1, "span": 1, "highway": False},
    "autoformer": {"architecture": "encoder-decoder", "positions": "sinusoidal", "span": 2},
}
ROWS = forecasters()
NEURAL = [
    name
    for name, row in ROWS.items()
    if row.family != "baseline" and issubclass(forecaster_class(name), NeuralForecaster)
]
NETWORKS: dict[str, tuple[str, dict[str, object]]] = {name: (name, {}) for name in [*NEURAL, "averages"]} | {
    f"{name}-varied": (name, settings) for name, settings in VARIANTS.items()
}


def build(name: str, sizes: Sizes, **settings: object) -> Network:
    """The network that a preset builds for these sizes."""
    small = {key: value for key, value in SMALL.items() if hasattr(forecaster_class(name), key)}
    forecaster = create(name, horizon=sizes.horizon, **(small | settings))
    forecaster.season_ = 3
    forecaster.resolved_ = Resolved(
        lookback=sizes.lookback,
        patch=sizes.patch,
        origins=1,
        min_context=1,
        batch_size=BATCH,
        max_steps=1,
        dropout=forecaster.dropout,
    )
    return forecaster._network(sizes, PointOutput("mae"))


COVARIATES = {
    "past": 2,
    "future": 3,
    "known": 2,
    "static": 2,
    "past_vocabulary": (3,),
    "future_vocabulary": (4, 2),
    "static_vocabulary": (3,),
    "series": 5,
}
SIZES = {
    "patches": Sizes(lookback=12, horizon=7, patch=3, outputs=3),
    "steps": Sizes(lookback=9, horizon=4, patch=1, outputs=3),
    "steps-far": Sizes(lookback=8, horizon=30, patch=1, outputs=1),
    "channels": Sizes(lookback=12, horizon=6, patch=4, outputs=3, channels=2),
    "covariates": Sizes(lookback=12, horizon=7, patch=3, outputs=3, **COVARIATES),
    "everything": Sizes(lookback=8, horizon=5, patch=1, outputs=2, channels=2, **COVARIATES),
}
BATCH = 4


@dataclass(frozen=True, kw_only=True)
class Case:
    network: Network
    sizes: Sizes

    def window(self, origins: int = 1, *, seed: int = 0) -> Window:
        return make_window(self.sizes, origins, seed=seed)


@pytest.fixture(params=[(name, size) for name in NETWORKS for size in SIZES], ids="/".join)
def case(request: pytest.FixtureRequest) -> Iterator[Case]:
    name, size = request.param
    with torch.random.fork_rng():
        torch.manual_seed(0)
        preset, settings = NETWORKS[name]
        network = build(preset, SIZES[size], **settings)
        for parameter in network.parameters():  # a highway of zeros would hide what it reads
            torch.nn.init.normal_(parameter, std=0.2)
        yield Case(network=network.eval(), sizes=SIZES[size])


def make_window(sizes: Sizes, origins: int, *, seed: int) -> Window:
    """A segment of random values with unobserved steps, as ``Windows.gather`` makes it."""
    generator = torch.Generator().manual_seed(seed)
    steps, ahead = sizes.lookback + (origins - 1) * sizes.patch, sizes.lookback + (origins - 1) * sizes.patch
    ahead += sizes.horizon

    def numbers(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator)

    def codes(vocabulary: tuple[int, ...], *shape: int) -> Tensor:
        columns = [torch.randint(size, shape, generator=generator) for size in vocabulary]
        return torch.stack(columns, dim=-1) if columns else torch.zeros(*shape, 0, dtype=torch.int64)

    observed = torch.rand(BATCH, steps, sizes.channels, generator=generator) < 0.8
    observed[0, : steps // 2] = False  # padding
    future = numbers(BATCH, ahead, sizes.future)
    return Window(
        target=torch.where(observed, numbers(BATCH, steps, sizes.channels), 0.0),
        observed=observed,
        past=numbers(BATCH, steps, sizes.past),
        past_codes=codes(sizes.past_vocabulary, BATCH, steps),
        future=future,
        usual=future[:, : sizes.lookback, : sizes.known].mean(1, keepdim=True),
        future_codes=codes(sizes.future_vocabulary, BATCH, ahead),
        static=numbers(BATCH, sizes.static),
        static_codes=codes(sizes.static_vocabulary, BATCH),
        series=torch.arange(BATCH) + 1 if sizes.series else torch.zeros(BATCH, dtype=torch.int64),
        location=torch.zeros(BATCH, 1, sizes.channels),
        scale=torch.ones(BATCH, 1, sizes.channels),
        answer=numbers(BATCH, origins, sizes.horizon, sizes.channels),
        counted=torch.ones(BATCH, origins, sizes.horizon, sizes.channels, dtype=torch.bool),
    )


def rows_of(window: Window, rows: list[int]) -> Window:
    """The window of some of the batch's rows."""
    return replace(window, **{name: value[rows] for name, value in vars(window).items() if value is not None})


# ---------------------------------------------------------------- promises of all


def test_forecasts_have_the_promised_shape(case):
    sizes = case.sizes
    found = case.network(case.window())
    assert found.shape == (BATCH, 1, sizes.horizon, sizes.channels, sizes.outputs)
    assert torch.isfinite(found).all()


@pytest.mark.parametrize("training", [True, False])
def test_every_parameter_receives_a_gradient(case, training):
    case.network.train(training)
    origins = 2 if case.network.causal else 1
    case.network(case.window(origins), origins).square().sum().backward()
    assert [name for name, p in case.network.named_parameters() if p.grad is None or not p.grad.any()] == []


def test_series_of_a_batch_do_not_influence_each_other(case):
    window = case.window()
    whole = case.network(window)
    torch.testing.assert_close(case.network(rows_of(window, [2])), whole[2:3], **CLOSE)
    torch.testing.assert_close(case.network(rows_of(window, [3, 1, 0, 2])), whole[[3, 1, 0, 2]], **CLOSE)


def test_every_input_is_read(case):
    """The last observed target, each covariate and each code changes the forecast; so does the mask alone."""
    window, network = case.window(), case.network
    base = network(window)

    def changes(**values: Tensor) -> bool:
        return not torch.allclose(network(replace(window, **values)), base, atol=1e-7)

    last = window.target.clone()
    last[:, -1] += 1
    assert changes(target=last)
    assert changes(observed=~window.observed)
    for name in ("past", "future", "static"):
        if getattr(case.sizes, name):
            assert changes(**{name: getattr(window, name) + 1})
        if vocabulary := getattr(case.sizes, f"{name}_vocabulary"):
            codes = getattr(window, f"{name}_codes")
            assert changes(**{f"{name}_codes": (codes + 1) % torch.tensor(vocabulary)})
    if case.sizes.series:
        assert changes(series=torch.zeros(BATCH, dtype=torch.int64))


def test_what_is_known_ahead_of_each_step_is_read(case):
    if not case.sizes.future:
        return
    window = case.window()
    base = case.network(window)
    for step in range(case.sizes.horizon):
        future = window.future.clone()
        future[:, case.sizes.lookback + step] += 5
        assert not torch.allclose(case.network(replace(window, future=future))[:, :, step], base[:, :, step])


def test_the_answer_is_not_read_when_forecasting(case):
    window = case.window()
    with_answer = case.network(window)
    without = case.network(replace(window, answer=None, counted=None))
    assert torch.equal(with_answer, without)


def test_many_origins_equal_one_origin_passes_over_prefixes(case):
    sizes, network, origins = case.sizes, case.network, 3
    window = case.window(origins)
    if not network.causal:
        with pytest.raises(ConfigError, match="one origin per pass"):
            network(window, origins)
        return
    together = network(window, origins)
    assert together.shape[1] == origins
    for o in range(origins):
        prefix = window.prefix(sizes.lookback + o * sizes.patch, sizes.horizon)
        torch.testing.assert_close(together[:, o : o + 1], network(prefix), **CLOSE)
    torch.testing.assert_close(network(window, 2, every=2), together[:, ::2], **CLOSE)


def test_a_causal_network_reads_nothing_after_an_origin_but_what_is_known_ahead(case):
    sizes, network = case.sizes, case.network
    if not network.causal:
        return
    origins = 3
    window = case.window(origins)
    base = network(window, origins)
    for o in range(origins - 1):
        place = sizes.lookback + o * sizes.patch
        later = {name: getattr(window, name).clone() for name in ("target", "observed", "past", "past_codes", "future")}
        later["target"][:, place:] += 9
        later["observed"][:, place:] ^= True
        later["past"][:, place:] += 9
        later["past_codes"][:, place:] = 0
        later["future"][:, place + sizes.horizon :] += 9  # beyond this origin's horizon
        found = network(replace(window, **later), origins)
        torch.testing.assert_close(found[:, : o + 1], base[:, : o + 1], **CLOSE)
        assert not torch.allclose(found[:, o + 1 :], base[:, o + 1 :], atol=1e-3)


# ---------------------------------------------------------------- token after token


def test_a_carried_state_gives_what_one_pass_over_the_longer_segment_gives(case):
    sizes, network, turns = case.sizes, case.network, -(-case.sizes.lookback // case.sizes.patch)
    segment = case.window(turns)
    if not network.carries:
        with pytest.raises(ConfigError, match="no state to carry"):
            network.begin(segment)
        return
    whole = network(segment, turns)
    found, carried = network.begin(segment.prefix(sizes.lookback, sizes.horizon))
    torch.testing.assert_close(found[:, 0], whole[:, 0], **CLOSE)
    for turn in range(1, turns):
        window = segment.prefix(sizes.lookback + turn * sizes.patch, sizes.horizon).last(sizes.lookback, sizes.horizon)
        found, carried = network.step(window, carried, -(-sizes.lookback // sizes.patch) + turn - 1)
        torch.testing.assert_close(found[:, 0], whole[:, turn], **CLOSE)


def test_a_step_that_is_not_kept_leaves_the_state_as_it_was(case):
    sizes, network = case.sizes, case.network
    if not network.carries:
        return
    segment, other = case.window(2), case.window(2, seed=1)
    read = -(-sizes.lookback // sizes.patch)
    _, carried = network.begin(segment.prefix(sizes.lookback, sizes.horizon))
    newest = segment.last(sizes.lookback, sizes.horizon)
    wanted = network.step(newest, [part.clone() for part in carried], read)[0]
    network.step(other.last(sizes.lookback, sizes.horizon), carried, read)  # dropped
    torch.testing.assert_close(network.step(newest, carried, read)[0], wanted, atol=0, rtol=0)


# ---------------------------------------------------------------- networks that read what they have written


def feeds(preset: str, settings: dict[str, object]) -> bool:
    """Whether the network decodes step by step, reading its own forecasts."""
    whole = {**(ROWS[preset].settings if preset in ROWS else {}), **settings}
    return whole.get("architecture") == "encoder-decoder" or whole.get("decoder") == "recurrent"


FEEDING = [name for name, (preset, settings) in NETWORKS.items() if feeds(preset, settings)]


@pytest.fixture(params=[(n, s) for n in FEEDING for s in SIZES], ids="/".join)
def decoder_case(request: pytest.FixtureRequest) -> Iterator[Case]:
    with torch.random.fork_rng():
        torch.manual_seed(1)
        name, size = request.param
        sizes = SIZES[size]
        preset, settings = NETWORKS[name]
        network = build(preset, sizes, **settings)
        for parameter in network.parameters():
            torch.nn.init.normal_(parameter, std=0.2)
        yield Case(network=network, sizes=sizes)


def test_a_step_of_the_answer_changes_nothing_up_to_itself(decoder_case):
    network, window = decoder_case.network.train(), decoder_case.window()
    base = network(window)
    moved = False
    for step in range(decoder_case.sizes.horizon):
        answer = window.answer.clone()
        answer[:, :, step] += 5
        found = network(replace(window, answer=answer))
        torch.testing.assert_close(found[:, :, : step + 1], base[:, :, : step + 1], atol=0, rtol=0)
        moved |= not torch.allclose(found, base)
    assert moved or blocks_ahead(decoder_case.sizes)[0] == 1


def test_teacher_forcing_with_its_own_forecasts_equals_step_by_step_decoding(decoder_case):
    network, window = decoder_case.network, decoder_case.window()
    rolled = network.eval()(window)
    forced = network.train()(replace(window, answer=rolled[..., PointOutput("mae").point]))
    torch.testing.assert_close(forced, rolled, **CLOSE)


# ---------------------------------------------------------------- dropout, places


@pytest.mark.parametrize("name", NETWORKS)
def test_dropout_acts_in_training_only(name):
    preset, settings = NETWORKS[name]
    window = make_window(SIZES["patches"], 1, seed=0)
    network = build(preset, SIZES["patches"], **(settings | {"dropout": 0.5}))
    assert not torch.equal(network.train()(window), network(window))
    assert torch.equal(network.eval()(window), network(window))


@pytest.mark.parametrize("steps", [12, 13, 24, 40])
def test_windows_longer_than_the_lookback_are_read(steps):
    """Segments of any length have places, whole patches or not."""
    sizes = SIZES["patches"]
    for preset in ("transformer", "lstm", "hybrid"):
        window = make_window(replace(sizes, lookback=steps), 1, seed=0)
        assert torch.isfinite(build(preset, sizes)(window)).all()
