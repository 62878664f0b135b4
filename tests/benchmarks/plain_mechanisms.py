"""Mechanisms of ours written down straightforwardly in torch: what these cost at least, and what they should give.

Dimension key: B batch, N tokens, T time, H horizon, K lags, V variables, D width, P steps per token, M blocks ahead,
Q outputs per step.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from forecast.layers.attention.alignment import AlignmentKind

WIDTH = 64
PATCH, BLOCKS, LEVELS = 24, 2, 5  # of sequence to sequence: 48 hours ahead, day by day
FORCED = 0.0  # share of blocks that read the answer: a coin that may fall either way would set the two apart
LAGS, PARAMETERS = (1, 24, 48), 3  # of DeepAR: the step before, and two of the days


class PlainGatedFeed(nn.Module):
    """GEGLU as in Shazeer 2020, with a matrix of its own for each of the three maps."""

    def __init__(self, width: int, inner: int) -> None:
        super().__init__()
        self.gate, self.value, self.output = nn.Linear(width, inner), nn.Linear(width, inner), nn.Linear(inner, width)

    def forward(self, x: Tensor) -> Tensor:
        output: Tensor = self.output(functional.gelu(self.gate(x)) * self.value(x))
        return output


class PlainResidual(nn.Module):
    """The gated residual network of Lim et al. 2021, section 4.1, with a normalised input."""

    def __init__(self, inputs: int, width: int, outputs: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(inputs)
        self.first, self.second = nn.Linear(inputs, width), nn.Linear(width, width)
        self.gate = nn.Linear(width, 2 * outputs)
        self.skip = nn.Linear(inputs, outputs) if inputs != outputs else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        inner = self.second(functional.elu(self.first(self.norm(x))))
        summed: Tensor = self.skip(x) + functional.glu(self.gate(inner), dim=-1)
        return summed


class PlainSelection(nn.Module):
    """Variable selection of Lim et al. 2021, section 4.2: a residual network for each variable, one after the other."""

    def __init__(self, variables: int, width: int) -> None:
        super().__init__()
        self.each = nn.ModuleList(PlainResidual(width, width, width) for _ in range(variables))
        self.select = PlainResidual(variables * width, width, variables)

    def forward(self, variables: Tensor) -> Tensor:
        """(V, B, N, D) → (B, N, D)."""
        side_by_side = torch.cat(list(variables), dim=-1)
        weights = torch.softmax(self.select(side_by_side) / side_by_side.shape[-1] ** 0.5, dim=-1)
        seen = torch.stack([network(x) for network, x in zip(self.each, variables, strict=True)], dim=-1)
        return (seen * weights[..., None, :]).sum(-1)


class PlainDecoding(nn.Module):
    """An LSTM over patches, and a cell that writes blocks, each through a hidden layer, with or without attention."""

    def __init__(self, attention: AlignmentKind | None) -> None:
        super().__init__()
        kind, block, outputs = attention, PATCH, PATCH * LEVELS
        self.kind = kind
        self.embed = nn.Linear(2 * PATCH, WIDTH)
        self.encoder = nn.LSTM(WIDTH, WIDTH, batch_first=True)
        self.norm = nn.LayerNorm(WIDTH)
        inputs = block + (WIDTH if kind == "additive" else 0)
        self.start, self.cell = nn.Linear(WIDTH, 2 * WIDTH), nn.LSTMCell(inputs, WIDTH)
        self.query = nn.Linear(WIDTH, WIDTH, bias=False)
        self.key, self.energy = nn.Linear(WIDTH, WIDTH), nn.Linear(WIDTH, 1, bias=False)  # where attention is additive
        self.join = nn.Linear(2 * WIDTH, WIDTH)
        self.hidden, self.output = nn.Linear(2 * WIDTH + inputs, 2 * WIDTH), nn.Linear(2 * WIDTH, outputs)

    def forward(self, target: Tensor, observed: Tensor, answer: Tensor) -> Tensor:
        """Steps (B, N·P), their mask, and the answer (B, M·P) → (B, M, P, Q)."""
        tokens = torch.stack([target, observed], dim=-1).view(len(target), -1, 2 * PATCH)
        tokens = self.embed(tokens)
        states = self.norm(self.encoder(tokens)[0] + tokens)
        here, keys = states[:, -1], self.key(states) if self.kind == "additive" else states
        state, memory = torch.tanh(self.start(here)).chunk(2, 1)
        before, written = target[:, -PATCH:], []
        for number in range(BLOCKS):
            x = before
            if self.kind == "additive":
                x = torch.cat([x, self._context(state, states, keys)], 1)
            state, memory = self.cell(x, (state, memory))
            read = state
            if self.kind == "general":
                read = torch.tanh(self.join(torch.cat([state, self._context(state, states, keys)], 1)))
            block = self.output(functional.gelu(self.hidden(torch.cat([read, x, here], 1))))
            written.append(block.view(-1, PATCH, LEVELS))
            forced = torch.rand(len(answer), 1) < FORCED
            before = torch.where(forced, answer[:, number * PATCH : (number + 1) * PATCH], written[-1][..., 0])
        return torch.stack(written, 1)

    def _context(self, state: Tensor, states: Tensor, keys: Tensor) -> Tensor:
        asked = self.query(state)
        if self.kind == "additive":
            scores = self.energy(torch.tanh(asked[:, None] + keys))
        else:
            scores = keys @ asked[..., None]
        return (torch.softmax(scores, 1) * states).sum(1)


class PlainDeepAR(nn.Module):
    """An LSTM whose inputs are the lags with their masks and differences to one of them; the last layer corrects it."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(3 * len(LAGS) + 1, WIDTH, batch_first=True)
        self.norm, self.output = nn.LayerNorm(WIDTH), nn.Linear(WIDTH, PARAMETERS)
        self.line = nn.Linear(len(LAGS), 1, bias=False)

    def forward(self, values: Tensor, observed: Tensor, lookback: int) -> Tensor:
        """Steps (B, T + H) and their mask → (B, H, Q)."""
        longest, season = max(LAGS), LAGS[1]
        padded, mask = (functional.pad(part, (longest, 0)) for part in (values, observed))
        count = values.shape[1]
        before = torch.stack([padded[:, longest - lag : longest - lag + count] for lag in LAGS], -1)  # (B, T + H, K)
        seen = torch.stack([mask[:, longest - lag : longest - lag + count] for lag in LAGS], -1)
        apart = (before - before[..., 1:2]) * (seen * seen[..., 1:2])
        moved = (values[:, season:lookback] - values[:, : lookback - season]) * observed[:, season:lookback]
        unit = (moved.square().mean(1) + 1e-6).sqrt()[:, None, None]
        inputs = torch.cat([before, apart / unit, seen, unit.log().expand(-1, count, 1)], -1)
        raw = self.output(self.norm(self.lstm(inputs)[0][:, lookback:]))
        line = before[:, lookback:, 1] + self.line(apart[:, lookback:])[..., 0]
        return torch.cat([(line + unit[:, 0] * raw[..., 0])[..., None], raw[..., 1:]], -1)
