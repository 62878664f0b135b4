"""Every variate as one token: iTransformer (Liu et al. 2024, section 3).

Dimension key: B batch, T time, L lookback, H horizon, C channels, K columns, Q outputs per step, D width.
"""

from dataclasses import replace

import torch
from torch import Tensor, nn

from forecast.datasets.windows import Window
from forecast.layers.dropout import make_dropout
from forecast.layers.embeddings import CodeEmbedding
from forecast.layers.precision import ExactLinear
from forecast.layers.stack import AttentionStack
from forecast.layers.stack_config import AttentionKind, StackConfig
from forecast.networks.base import Network, Sizes
from forecast.networks.decoders.line import Line, add_line
from forecast.networks.tokens import KnownAhead, StaticEmbedding

ORDERLESS: frozenset[AttentionKind] = frozenset({"full", "linear"})  # who reads whom does not depend on places


class ColumnTokens(nn.Module):
    """Columns as tokens: one map of their steps for all, and a vector of its own for each, by which it is known.

    Input: (B, T, K).  Output: (B, K, D).
    """

    def __init__(self, columns: int, steps: int, width: int) -> None:
        super().__init__()
        self.project = nn.Linear(steps, width)
        self.names = nn.Parameter(0.02 * torch.randn(columns, width))

    def forward(self, columns: Tensor) -> Tensor:
        tokens: Tensor = self.project(columns.transpose(1, 2)) + self.names
        return tokens


class VariateTransformer(Network):
    """Attention across variates: a token is the whole lookback of a channel, with its mask, or of a covariate.

    Covariates known ahead bring their horizon along; what is constant is one token more.  Tokens have no places, and
    the maps of channels are shared: permuted channels give permuted forecasts where nothing else tells them apart
    (only the straight line's part of the covariates known ahead does).  Each channel's state gives its H steps.
    """

    causal = False

    def __init__(self, sizes: Sizes, config: StackConfig, *, highway: bool = True) -> None:
        super().__init__(sizes)
        width = config.width
        self.ahead = KnownAhead(sizes)
        self.past_codes = CodeEmbedding(sizes.past_vocabulary)
        past = sizes.past + self.past_codes.width
        self.channels = nn.Linear(2 * sizes.lookback, width)
        self.past = ColumnTokens(past, sizes.lookback, width) if past else None
        self.known = ColumnTokens(self.ahead.width, sizes.lookback + sizes.horizon, width) if self.ahead.width else None
        self.static = StaticEmbedding(sizes, width)
        self.dropout = make_dropout(config.dropout)
        self.encoder = AttentionStack(replace(config, causal=False, positions="none"))
        self.norm = nn.LayerNorm(width)
        self.output = ExactLinear(width, sizes.horizon * sizes.outputs)
        self.line = Line(sizes, stride=sizes.patch) if highway else None

    def forward(self, window: Window, origins: int = 1, every: int = 1) -> Tensor:
        self.require_causal(origins)
        states = self.encoder(self.dropout(self.tokens(window)))[:, : self.sizes.channels]  # (B, C, D)
        steps = self.output(self.norm(states)).reshape(*states.shape[:2], self.sizes.horizon, self.sizes.outputs)
        return add_line(self.line, steps.transpose(1, 2)[:, None], window, 1)  # (B, 1, H, C, Q)

    def tokens(self, window: Window) -> Tensor:
        """(B, N, D): the channels first, then covariates of the past, those known ahead, and what is constant."""
        lookback, horizon = self.sizes.lookback, self.sizes.horizon
        seen = torch.cat([window.target[:, -lookback:], window.observed[:, -lookback:].to(window.target.dtype)], dim=1)
        parts = [self.channels(seen.transpose(1, 2))]  # (B, C, D)
        if self.past is not None:
            past = torch.cat([window.past, self.past_codes(window.past_codes)], dim=-1)
            parts.append(self.past(past[:, -lookback:]))
        if self.known is not None:
            parts.append(self.known(self.ahead(window)[:, -(lookback + horizon) :]))
        constant = self.static(window)
        if constant is not None:
            parts.append(constant[:, None])
        return torch.cat(parts, dim=1)
