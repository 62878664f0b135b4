"""The floor: what anybody would write in plain torch, with nothing between the data and the arithmetic.

One flat tensor; windows gathered by index at random starts; each standardised by its own lookback; ``nn.LSTM`` and one
linear map; L1; Adam.  Dimension key: B batch, L lookback, H horizon, S series, W windows.
"""

import platform
import time
from collections.abc import Callable

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from comparison.series import Series, Spec

MODELS = ("lstm",)


class Bare(nn.Module):
    """The last state of an LSTM over single steps → a linear map."""

    def __init__(self, width: int, horizon: int) -> None:
        super().__init__()
        self.lstm = nn.LSTM(1, width, batch_first=True)
        self.head = nn.Linear(width, horizon)

    def forward(self, x: Tensor) -> Tensor:
        """x: (B, L).  Returns (B, H)."""
        out: Tensor = self.head(self.lstm(x[..., None])[0][:, -1])
        return out


class Loop:
    """Windows by index out of one flat tensor, and steps on them."""

    def __init__(self, values: Tensor, lengths: Tensor, spec: Spec) -> None:
        torch.manual_seed(spec.seed)
        self.values, self.spec = values, spec
        self.network = Bare(spec.width, spec.horizon)
        self.optimiser = torch.optim.Adam(self.network.parameters(), lr=1e-3)
        self.first = lengths.cumsum(0) - lengths
        self.counts = (lengths - spec.lookback - spec.horizon + 1).clamp(min=0).cumsum(0)
        self.inside = torch.arange(spec.lookback + spec.horizon)

    def step(self) -> None:
        lookback = self.spec.lookback
        numbers = torch.randint(int(self.counts[-1]), (self.spec.batch,))
        series = torch.searchsorted(self.counts, numbers, right=True)
        before = torch.where(series > 0, self.counts[series - 1], 0)
        windows = self.values[(self.first[series] + numbers - before)[:, None] + self.inside]
        past, ahead = windows[:, :lookback], windows[:, lookback:]
        location, scale = past.mean(1, keepdim=True), past.std(1, keepdim=True) + 1e-6
        loss = (self.network((past - location) / scale) - (ahead - location) / scale).abs().mean()
        self.optimiser.zero_grad()
        loss.backward()
        self.optimiser.step()

    @torch.inference_mode()
    def forecast(self, last: Tensor) -> np.ndarray:
        """Forecasts (B, H) behind the flat steps ``last``, in the units of the data."""
        done = []
        for part in last.split(4096):
            past = self.values[part[:, None] + torch.arange(-self.spec.lookback, 0)]
            location, scale = past.mean(1, keepdim=True), past.std(1, keepdim=True) + 1e-6
            done.append(self.network((past - location) / scale) * scale + location)
        out: np.ndarray = torch.cat(done).numpy()
        return out


def versions() -> dict[str, str]:
    return {"torch": torch.__version__, "machine": platform.machine()}


def training(data: Series, spec: Spec, origins: int) -> Callable[[int], tuple[float, int]]:
    loop = Loop(*tensors(data.values), spec)

    def run(steps: int) -> tuple[float, int]:
        began = time.perf_counter()
        for _ in range(steps):
            loop.step()
        return time.perf_counter() - began, steps * spec.batch

    return run


def accuracy(data: Series, spec: Spec) -> tuple[float, np.ndarray]:
    began = time.perf_counter()
    loop = Loop(*tensors([v[:n] for v, n in zip(data.values, data.train, strict=True)]), spec)
    while time.perf_counter() - began < spec.seconds:
        loop.step()
    seconds = time.perf_counter() - began
    loop.values, lengths = tensors(data.values)
    last = (lengths.cumsum(0) - lengths)[:, None] + torch.from_numpy(data.test)
    return seconds, loop.forecast(last.flatten()).reshape(*data.test.shape, spec.horizon)


def predictions(data: Series, spec: Spec) -> dict[str, Callable[[], object]]:
    values, lengths = tensors(data.values)
    loop = Loop(values, lengths, spec)
    ends = lengths.cumsum(0)
    ids = [f"s{i:05d}" for i in range(len(data))]

    def panel() -> pd.DataFrame:
        forecast = loop.forecast(ends)
        return pd.DataFrame({"unique_id": np.repeat(ids, spec.horizon), "forecast": forecast.ravel()})

    def backtest(origins: int) -> np.ndarray:
        back = spec.horizon + torch.arange(origins)
        return loop.forecast((ends[:, None] - back).flatten())

    calls: dict[str, Callable[[], object]] = {"panel": panel, "one": lambda: loop.forecast(ends[:1])}
    if len(data) < 10:
        calls = {f"backtest_{n}": lambda n=n: backtest(n) for n in (100, 1000)}
    return calls


def prepare() -> None:
    torch.optim.Adam([nn.Parameter(torch.zeros(1))])  # the first one imports torch._dynamo


def first_step(frame: pd.DataFrame, spec: Spec) -> None:
    codes, _ = pd.factorize(frame["unique_id"])
    lengths = torch.from_numpy(np.bincount(codes))
    Loop(torch.from_numpy(frame["y"].to_numpy()), lengths, spec).step()


def tensors(values: list[np.ndarray]) -> tuple[Tensor, Tensor]:
    """All values end to end in float32, and the length of each series."""
    flat = torch.from_numpy(np.concatenate(values).astype(np.float32))
    return flat, torch.tensor([len(v) for v in values])
