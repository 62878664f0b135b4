"""Recurrent decoders against loops over rows, origins and blocks with torch's own cells, in float64.

Dimension key: B batch, O origins, H horizon, M blocks ahead, C channels, Q outputs per step.
"""

from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn
from torch._dynamo.testing import CompileCounter

from forecast.datasets.windows import Window
from forecast.layers.recurrent import RecurrentConfig, RecurrentStack
from forecast.networks.base import Sizes
from forecast.networks.composed import ComposedNetwork
from forecast.networks.decoders.parallel import ParallelDecoder
from forecast.networks.decoders.recurrent import RecurrentDecoder, RecurrentDecoding

EXACT = {"atol": 1e-10, "rtol": 1e-10}
BATCH, WIDTH, ORIGINS = 3, 4, 2
SIZES = Sizes(lookback=12, horizon=7, patch=3, outputs=2, channels=2, future=2, known=1, static=1, series=5)
TORCH = {"lstm": nn.LSTMCell, "gru": nn.GRUCell, "rnn": nn.RNNCell}


def make_window(origins: int = ORIGINS, *, seed: int = 0) -> Window:
    generator = torch.Generator().manual_seed(seed)
    steps = SIZES.lookback + (origins - 1) * SIZES.patch

    def numbers(*shape: int) -> Tensor:
        return torch.randn(*shape, dtype=torch.float64, generator=generator)

    future, none = numbers(BATCH, steps + SIZES.horizon, 2), torch.zeros(BATCH, steps, 0)
    return Window(
        target=numbers(BATCH, steps, 2),
        observed=torch.ones(BATCH, steps, 2, dtype=torch.bool),
        past=none.double(),
        past_codes=none.long(),
        future=future,
        future_codes=torch.zeros(BATCH, steps + SIZES.horizon, 0, dtype=torch.int64),
        usual=future[:, : SIZES.lookback, :1].mean(1, keepdim=True),
        static=numbers(BATCH, 1),
        static_codes=none[:, 0].long(),
        series=torch.arange(BATCH) + 1,
        location=torch.zeros(BATCH, 1, 2).double(),
        scale=torch.ones(BATCH, 1, 2).double(),
        answer=numbers(BATCH, origins, SIZES.horizon, 2),
        counted=torch.ones(BATCH, origins, SIZES.horizon, 2, dtype=torch.bool),
    )


def make_network(decoder: object, **settings: object) -> ComposedNetwork:
    """Weights drawn at random, so that nothing that is read weighs nothing."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        config = RecurrentConfig(cell="gru", inputs=WIDTH, width=WIDTH)
        network = ComposedNetwork(
            SIZES,
            width=WIDTH,
            trunk=lambda _: RecurrentStack(config),
            decoder=lambda sizes, trunk, ahead: decoder(sizes, trunk, ahead, highway=False, **settings),
        )
        for parameter in network.parameters():
            nn.init.normal_(parameter, std=0.3)
    return network.double().eval()


def seq2seq(**decoding: object) -> ComposedNetwork:
    return make_network(RecurrentDecoder, decoding=RecurrentDecoding(**decoding))


def torch_cell(layer: nn.RNNBase, kind: str) -> nn.RNNCellBase:
    cell = TORCH[kind](layer.input_size, WIDTH).double()
    cell.load_state_dict({name.removesuffix("_l0"): value for name, value in layer.state_dict().items()})
    return cell


def known_of(network: ComposedNetwork, window: Window, row: int, origin: int, block: int) -> Tensor:
    """What is known ahead of a block, flat, 0 behind the horizon."""
    first = SIZES.lookback + origin * SIZES.patch
    ahead = network.ahead(window)[row, first : first + SIZES.horizon]
    ahead = torch.cat([ahead, torch.zeros(3 * SIZES.patch - SIZES.horizon, ahead.shape[1], dtype=torch.float64)])
    return ahead[block * SIZES.patch : (block + 1) * SIZES.patch].flatten()


# ---------------------------------------------------------------- all segments at once


def test_parallel_decoding_is_one_step_of_the_cell_for_each_segment():
    network, window = make_network(ParallelDecoder), make_window()
    decoder = network.decoder
    found = network(window, ORIGINS)
    states = network.trunk(network.tokens(window, network.ahead(window)))
    cell = nn.GRUCell(WIDTH, WIDTH).double()
    for name, short in (("query", "ih"), ("state", "hh")):
        getattr(cell, f"weight_{short}").data = getattr(decoder.cell, name).weight.data
        getattr(cell, f"bias_{short}").data = getattr(decoder.cell, name).bias.data
    constant = decoder.static(window)
    for row in range(BATCH):
        for origin in range(ORIGINS):
            state = states[row, states.shape[1] - ORIGINS + origin]
            steps = []
            for block in range(3):
                query = torch.cat([decoder.place[block], constant[row]])
                query = query + decoder.ahead.weight @ known_of(network, window, row, origin, block)
                steps.append(decoder.output(decoder.hidden(cell(query[None], state[None])[0])))
            expected = torch.cat(steps).view(9, 2, 2)[: SIZES.horizon]
            torch.testing.assert_close(found[row, origin], expected, **EXACT)


def test_series_and_places_take_half_of_the_query_each():
    decoder = make_network(ParallelDecoder).decoder
    assert decoder.place.shape == (3, WIDTH // 2)
    assert decoder.static.series.weight.shape == (6, WIDTH // 2)


# ---------------------------------------------------------------- block after block


def attended(decoder: RecurrentDecoder, state: Tensor, memory: Tensor) -> Tensor:
    """The context (D,) of a state (D,) over a memory (K, D)."""
    layer, kind = decoder.attention, decoder.decoding.attention
    if kind == "additive":
        scores = [layer.energy.weight[0] @ torch.tanh(layer.query.weight @ state + layer.key(h)) for h in memory]
    else:
        asked = layer.query.weight @ state if kind == "general" else state
        scores = [asked @ h for h in memory]
    return torch.softmax(torch.stack(scores), 0) @ memory


def decoded(network: ComposedNetwork, window: Window, row: int, origin: int, *, answer: Tensor | None) -> Tensor:
    """The horizon (H, C, Q) of one row from one origin; with an answer (H, C) each block reads the one before it."""
    decoder, kind = network.decoder, network.decoder.decoding.attention
    cell = torch_cell(decoder.cell, decoder.decoding.cell)
    states = decoder.norm(network.trunk(network.tokens(window, network.ahead(window))))[row]
    end = len(states) - ORIGINS + origin + 1
    memory = states[end - SIZES.lookback // SIZES.patch : end]
    parts = torch.tanh(decoder.start(memory[-1]))[None].chunk(decoder.cell.kept, 1)
    state = tuple(parts) if decoder.cell.kept > 1 else parts[0]
    place = SIZES.lookback + origin * SIZES.patch
    before, blocks = window.target[row, place - SIZES.patch : place], []
    for block in range(3):
        x = torch.cat([before.flatten(), known_of(network, window, row, origin, block)])
        hidden = state[0] if isinstance(state, tuple) else state
        if kind == "additive":
            context = attended(decoder, hidden[0], memory)
            x = torch.cat([x, context])
        state = cell(x[None], state)
        read = (state[0] if isinstance(state, tuple) else state)[0]
        if kind in ("dot", "general"):
            read = torch.tanh(decoder.join(torch.cat([read, attended(decoder, read, memory)])))
        hidden = nn.functional.gelu(decoder.deep[0](torch.cat([read, x, memory[-1]])))
        blocks.append(decoder.output(hidden).view(SIZES.patch, 2, 2))
        before = blocks[-1][..., decoder.point]
        if answer is not None:
            before = answer[block * SIZES.patch : (block + 1) * SIZES.patch]
    return torch.cat(blocks)[: SIZES.horizon]


@pytest.mark.parametrize("forced", [False, True])
@pytest.mark.parametrize("attention", [None, "additive", "dot", "general"])
@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn"])
def test_decoding_is_a_loop_over_blocks(cell, attention, forced):
    network, window = seq2seq(cell=cell, attention=attention, point=1), make_window()
    found = network.train(forced)(window, ORIGINS)
    for row in range(BATCH):
        for origin in range(ORIGINS):
            answer = window.answer[row, origin] if forced else None
            torch.testing.assert_close(
                found[row, origin], decoded(network, window, row, origin, answer=answer), **EXACT
            )


def test_an_unobserved_answer_is_not_read():
    network, window = seq2seq(attention="dot").train(), make_window()
    nothing = replace(window, counted=torch.zeros_like(window.counted))
    torch.testing.assert_close(network(nothing, ORIGINS), network.eval()(window, ORIGINS), **EXACT)


def test_the_answer_is_read_less_and_less_often():
    network, window = seq2seq(forcing=0.8, free_from=0.5), make_window()
    own = network(window, ORIGINS)
    network.train()
    shares = []
    for progress in (0.0, 0.25, 0.5, 1.0):
        network.decoder.advance(progress)
        found = torch.stack([network(window, ORIGINS) for _ in range(100)])
        shares.append((found != own)[..., 3, 0, 0].double().mean().item())  # the first step of the second block
    assert shares == pytest.approx([0.8, 0.4, 0.0, 0.0], abs=0.06)
    assert shares[2:] == [0, 0]


def test_the_attention_of_a_decoder_can_be_read():
    network, window = seq2seq(attention="general"), make_window()
    seen: list[Tensor] = []
    network.decoder.attention.register_forward_hook(lambda layer, given, _: seen.append(layer.weights(*given)))
    network(window, ORIGINS)
    assert network.decoder.attention.explains == "attention"
    assert [tuple(weights.shape) for weights in seen] == [(BATCH * ORIGINS, 1, 1, 4)] * 3
    torch.testing.assert_close(sum(weights.sum(-1) for weights in seen), torch.full((6, 1, 1), 3.0).double())


@pytest.mark.filterwarnings("ignore")  # torch looks at gradients of what is none of its own leaves
def test_a_compiled_decoder_is_made_once_for_the_whole_schedule():
    counter = CompileCounter()
    network, window = seq2seq(attention="dot").train(), make_window()
    torch._dynamo.reset()
    compiled = torch.compile(network, backend=counter, dynamic=False)
    compiled(window, ORIGINS)
    frames = counter.frame_count
    for progress in (0.1, 0.2, 0.6):
        network.decoder.advance(progress)
        compiled(window, ORIGINS)
    assert counter.frame_count == frames > 0
