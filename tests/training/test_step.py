"""A step gives the same weights in one pass or in parts, waits for nothing, and shrinks where memory runs out."""

import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from forecast import HybridForecaster, LSTMForecaster, TransformerForecaster
from forecast.errors import ConfigError, ResourceError, TrainingError
from forecast.training.device import find_precision, in_passes
from forecast.training.step import Step

CPU_MEMORY = "[enforce fail at alloc_cpu.cpp:127] err == 0. DefaultCPUAllocator: can't allocate memory: you tried to …"
FULL = {"cpu": RuntimeError(CPU_MEMORY), "numpy": MemoryError(), "cuda": torch.OutOfMemoryError("CUDA out of memory.")}


def weights(run) -> torch.Tensor:
    return torch.cat([p.detach().flatten() for p in run.network.parameters()])


def allow(network, rows: int, monkeypatch, error: Exception = FULL["cpu"]) -> list[int]:
    """Let passes of more than ``rows`` segments run out of memory; the sizes of the passes asked for."""
    forward, asked = network.forward, []

    def limited(window, *rest):
        asked.append(len(window.target))
        if len(window.target) > rows:
            raise error
        return forward(window, *rest)

    monkeypatch.setattr(network, "forward", limited)
    return asked


@pytest.mark.parametrize("error", FULL.values(), ids=FULL)
def test_where_memory_runs_out_batches_are_taken_in_parts_to_the_same_losses(training, monkeypatch, error):
    whole, parted = training(dropout=0.0), training(dropout=0.0)
    asked = allow(parted.network, 1, monkeypatch, error)
    one, two = whole.run(), parted.run()
    assert asked[:7] == [4, 2, 1, 1, 1, 1, 1]
    assert (one.parts, two.parts) == (1, 4)
    assert [row["loss"] for row in two.history] == pytest.approx([row["loss"] for row in one.history], abs=1e-5)
    assert torch.allclose(weights(whole), weights(parted), atol=1e-5)


def test_parts_need_not_come_out_even(training, monkeypatch):
    whole, parted = training(dropout=0.0, batch_size=5), training(dropout=0.0, batch_size=5)
    asked = allow(parted.network, 3, monkeypatch)
    one, two = whole.run(), parted.run()
    assert asked[:4] == [5, 3, 2, 3]
    assert [row["loss"] for row in two.history] == pytest.approx([row["loss"] for row in one.history], abs=1e-5)


def test_memory_for_no_segment_at_all_ends_the_run_and_says_what_to_lower(training, monkeypatch):
    run = training()
    allow(run.network, 0, monkeypatch)
    with pytest.raises(ResourceError, match="even with one segment per pass") as caught:
        run.run()
    assert "hidden_size" in caught.value.remedy
    assert not isinstance(caught.value, TrainingError)


def test_other_faults_are_not_taken_for_a_lack_of_memory(training, monkeypatch):
    run = training()
    asked = allow(run.network, 0, monkeypatch, RuntimeError("mat1 and mat2 shapes cannot be multiplied"))
    with pytest.raises(RuntimeError, match="shapes"):
        run.run()
    assert asked == [4]


def test_the_report_of_a_fit_says_that_memory_ran_out(monkeypatch):
    whole = Step._backward

    def limited(self, window):
        if len(window.target) > 8:
            raise MemoryError
        return whole(self, window)

    monkeypatch.setattr(Step, "_backward", limited)
    model = LSTMForecaster(horizon=3, lookback=12, season=6, hidden_size=4, max_steps=3, batch_size=16).fit(wave())
    assert "each batch was trained in 2 passes" in model.report_["notes"][-1]["message"]


def wave() -> list[float]:
    return torch.sin(torch.arange(90) * 1.05).tolist()


@pytest.mark.parametrize("rows", [1, 7, 8])
def test_what_is_computed_in_passes_is_whole_wherever_memory_ran_out(rows):
    def run(chosen: slice) -> list[int]:
        if chosen.stop - chosen.start > 3:
            raise MemoryError
        return list(range(rows))[chosen]

    assert [row for part in in_passes(rows, 8, run) for row in part] == list(range(rows))


def test_a_pass_over_a_single_row_that_does_not_fit_is_an_error():
    def run(chosen: slice) -> None:
        raise MemoryError

    with pytest.raises(ResourceError, match="single window"):
        list(in_passes(4, 4, run))


def test_forecasts_are_the_same_where_memory_runs_out(monkeypatch):
    model = LSTMForecaster(horizon=3, lookback=12, season=6, hidden_size=4, max_steps=3).fit(np.array([wave()] * 5).T)
    before = model.predict()
    asked = allow(model.network_, 2, monkeypatch)
    np.testing.assert_allclose(model.predict(), before, atol=1e-6)
    assert max(asked) > 2


class Waits(TorchDispatchMode):
    """Counts what would make the host wait for a device: reading a number, or asking where something holds."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        if func.overloadpacket._qualified_op_name in {"aten::_local_scalar_dense", "aten::nonzero", "aten::equal"}:
            self.found.append(str(func))
        return func(*args, **(kwargs or {}))


def test_a_step_never_waits_for_the_device(training):
    run = training()
    run.network.train()
    run._step(1e-3)  # the first one counts the segments
    with Waits() as waits:
        for _ in range(40):  # several gathers
            run._step(1e-3)
    assert waits.found == []
    with waits:
        run._report(0.5)
    assert waits.found  # where the numbers are read


@pytest.mark.parametrize("kind", [LSTMForecaster, TransformerForecaster, HybridForecaster])
def test_training_in_bfloat16_comes_close_to_float32(kind):
    settings = {"horizon": 6, "lookback": 24, "season": 12, "patch": 6, "hidden_size": 16, "max_steps": 60}
    series = [*wave(), *wave()]
    losses, sums = {}, {}
    for precision in ("float32", "bfloat16"):
        model = kind(**settings, dropout=0.0, precision=precision).fit(series)
        losses[precision] = model.report_["history"][-1]["loss"]
        assert {p.dtype for p in model.network_.parameters()} == {torch.float32}
        sums[precision] = sum(float(p.detach().double().abs().sum()) for p in model.network_.parameters())
    assert losses["bfloat16"] == pytest.approx(losses["float32"], rel=0.1)
    assert sums["bfloat16"] != sums["float32"]  # it was not float32 after all


def test_recurrent_layers_and_the_last_layer_stay_in_float32():
    model = LSTMForecaster(horizon=6, lookback=24, season=12, patch=6, hidden_size=8, max_steps=2).fit(wave())
    seen = {}

    def note(name):
        return lambda module, inputs, output: seen.update({name: output[0].dtype})

    decoder = model.network_.decoder
    model.network_.trunk.layers[0].register_forward_hook(note("trunk"))
    decoder.state.register_forward_hook(note("inner"))
    decoder.output.register_forward_hook(note("output"))
    decoder.line.past.register_forward_hook(note("line"))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        model.predict()
    lower = seen.pop("inner")
    assert (lower, set(seen.values())) == (torch.bfloat16, {torch.float32})


def test_bfloat16_is_chosen_on_gpus_that_compute_in_it_alone(monkeypatch):
    assert find_precision("auto", torch.device("cpu")) == torch.float32
    assert find_precision("bfloat16", torch.device("cpu")) == torch.bfloat16
    for able, expected in ((True, torch.bfloat16), (False, torch.float32)):
        monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation, able=able: able)
        assert find_precision("auto", torch.device("cuda")) == expected


def test_a_network_that_cannot_be_compiled_is_an_error_of_the_settings(monkeypatch):
    def missing(graph, inputs):
        raise RuntimeError("No working C++ compiler found")

    compile = torch.compile
    monkeypatch.setattr(torch, "compile", lambda model, **options: compile(model, backend=missing, **options))
    model = TransformerForecaster(horizon=3, lookback=12, season=6, hidden_size=4, heads=2, max_steps=4, compile=True)
    with pytest.raises(ConfigError, match=r"cannot be compiled here: .*No working C") as caught:
        model.fit(wave())
    assert caught.value.remedy == "Set compile=False."


def test_a_compiled_training_comes_to_the_same_and_saves_under_the_same_names(monkeypatch):
    settings = {"horizon": 3, "lookback": 12, "season": 6, "hidden_size": 4, "max_steps": 4, "dropout": 0.0}
    plain = TransformerForecaster(**settings, heads=2).fit(wave())
    asked = []
    compile = torch.compile

    def eagerly(model, **options):
        asked.append(options)
        return compile(model, backend="eager", **options)  # traced like any other, without a compiler's minute

    monkeypatch.setattr(torch, "compile", eagerly)
    compiled = TransformerForecaster(**settings, heads=2, compile=True).fit(wave())
    assert asked == [{"dynamic": False}]
    for name, value in plain.network_.state_dict().items():
        assert torch.allclose(compiled.network_.state_dict()[name], value, atol=1e-6)
    assert plain.network_.state_dict().keys() == compiled.network_.state_dict().keys()
