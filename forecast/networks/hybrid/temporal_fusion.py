"""The Temporal Fusion Transformer (Lim, Arık, Loeff & Pfister 2021), over patches.

Dimension key: B batch, V variables, N tokens, M tokens ahead, H horizon, P steps per token, C channels,
Q outputs per step, D width, L layers.
"""

from typing import ClassVar

import torch
from torch import Tensor, nn

from forecast.datasets.windows import Window
from forecast.layers.attention.interpretable import InterpretableAttention
from forecast.layers.dropout import make_dropout
from forecast.layers.gated_residual import GatedResidual, GatedSkip, Norm
from forecast.layers.positions import make_positions
from forecast.layers.precision import ExactLinear, full_precision
from forecast.layers.recurrent import RecurrentConfig
from forecast.layers.stack_config import Positions, StackConfig
from forecast.layers.variable_selection import VariableSelection
from forecast.networks.base import Network, Sizes
from forecast.networks.decoders.line import Line, add_line
from forecast.networks.hybrid.variables import KnownVariables, PastVariables, StaticVariables

NORM: Norm = "before"  # as in PreNormBlock; a patch has a level and a swing, which normalising after a sum would lose


class StaticContexts(nn.Module):
    """Static variables, selected, as four contexts (section 4.3).

    Input: (V, B, D).  Output: (B, D) for the selection of variables, the state and the memory of the LSTM, and the
    enrichment.
    """

    def __init__(self, names: tuple[str, ...], width: int, *, selects: bool, dropout: float) -> None:
        super().__init__()
        self.select = VariableSelection(names, width, over="series", dropout=dropout, norm=NORM)
        self.selection = GatedResidual(width, width, dropout=dropout, norm=NORM) if selects else None
        self.state, self.memory, self.enrichment = (
            GatedResidual(width, width, dropout=dropout, norm=NORM) for _ in range(3)
        )

    def forward(self, variables: Tensor) -> tuple[Tensor | None, Tensor, Tensor, Tensor]:
        chosen = self.select(variables)
        selection = None if self.selection is None else self.selection(chosen)
        return selection, self.state(chosen), self.memory(chosen), self.enrichment(chosen)


class LocalProcessing(nn.Module):
    """One LSTM reads the window, another what is known ahead, from the first one's last state (section 4.5.1).

    Input: (B, N, D), (B, M, D), and first states (B, D), zero unless given.  Output: (B, N + M, D).
    """

    def __init__(self, width: int, layers: int) -> None:
        super().__init__()
        self.past, self.ahead = (nn.LSTM(width, width, layers, batch_first=True) for _ in range(2))
        for half in (self.past, self.ahead):
            for name, bias in half.named_parameters():
                if name.startswith("bias_ih"):  # forget gates start open, as in ``forecast.layers.cells.fused``
                    nn.init.ones_(bias.data[width : 2 * width])

    @full_precision
    def forward(self, past: Tensor, ahead: Tensor, state: Tensor | None = None, memory: Tensor | None = None) -> Tensor:
        first = None
        if state is not None and memory is not None:
            layers = self.past.num_layers
            first = (state.expand(layers, -1, -1).contiguous(), memory.expand(layers, -1, -1).contiguous())
        read, last = self.past(past, first)
        return torch.cat([read, self.ahead(ahead, last)[0]], dim=1)


class TemporalFusion(Network):
    """Variables are selected, an LSTM reads them in order, static covariates enrich its states, and one interpretable
    attention reads all of them; gates skip what is of no use.

    A token is a patch of each variable, of one step where tokens are steps, as in the paper.  Beyond the window there
    is a token for every patch of the horizon: from what is known ahead of it or, where nothing is, a learned vector.
    A token ahead reads no later one.  Without static covariates there are no contexts.
    """

    causal = False
    accepts: ClassVar[frozenset[Positions]] = frozenset({"learned", "sinusoidal", "none"})

    def __init__(self, sizes: Sizes, recurrent: RecurrentConfig, attention: StackConfig, *, highway: bool) -> None:
        super().__init__(sizes)
        width, dropout = attention.width, attention.dropout
        self.blocks = -(-sizes.horizon // sizes.patch)
        self.line = Line(sizes, stride=sizes.patch) if highway else None
        self.past, self.known, self.static = (
            variables(sizes, width) for variables in (PastVariables, KnownVariables, StaticVariables)
        )
        names = self.past.names + self.known.names
        told = bool(self.static.names)
        self.contexts = (
            StaticContexts(self.static.names, width, selects=len(names) > 1, dropout=dropout) if told else None
        )
        self.select = VariableSelection(names, width, context=told, dropout=dropout, norm=NORM)
        self.select_ahead = (
            VariableSelection(self.known.names, width, context=told, over="ahead", dropout=dropout, norm=NORM)
            if self.known.names
            else None
        )
        self.unknown = None if self.known.names else nn.Parameter(torch.randn(self.blocks, width) * 0.02)
        self.local = LocalProcessing(width, recurrent.layers)
        self.enrich = GatedResidual(width, width, context=width if told else 0, dropout=dropout, norm=NORM)
        self.positions = make_positions(attention.positions, width, attention.places + self.blocks)
        self.attention = nn.ModuleList(InterpretableAttention(width, attention.heads) for _ in range(attention.layers))
        self.feed = GatedResidual(width, width, dropout=dropout, norm=NORM)
        self.skip_local, self.skip_feed = (GatedSkip(width, dropout=dropout, norm=NORM) for _ in range(2))
        self.skip_attention = nn.ModuleList(
            GatedSkip(width, dropout=dropout, norm=NORM) for _ in range(attention.layers)
        )
        self.norm_attention = nn.ModuleList(nn.LayerNorm(width) for _ in range(attention.layers))
        self.hidden = nn.Sequential(nn.Linear(width, 2 * width), nn.GELU(), make_dropout(dropout))
        self.output = ExactLinear(2 * width, sizes.patch * sizes.channels * sizes.outputs)

    def forward(self, window: Window, origins: int = 1, every: int = 1) -> Tensor:
        self.require_causal(origins)
        sizes = self.sizes
        selection, state, memory, enrichment = (
            (None,) * 4 if self.contexts is None else self.contexts(self.static(window))
        )
        past, ahead = self._selected(window, selection)
        local = self.local(past, ahead, state, memory)
        fused = self.skip_local(torch.cat([past, ahead], dim=1), local)  # (B, N + M, D)
        enriched = self.enrich(fused, None if enrichment is None else enrichment[:, None])
        reached = self._attend(enriched)
        written = self.skip_feed(fused[:, -self.blocks :], self.feed(reached))  # (B, M, D)
        steps = self.output(self.hidden(written)).reshape(len(written), 1, -1, sizes.channels, sizes.outputs)
        return add_line(self.line, steps[:, :, : sizes.horizon], window, 1)

    def _selected(self, window: Window, context: Tensor | None) -> tuple[Tensor, Tensor]:
        """Tokens of the window (B, N, D) and ahead of it (B, M, D), each a weighted sum of its variables."""
        context = None if context is None else context[:, None]
        past = self.past(window)
        if self.select_ahead is None:
            assert self.unknown is not None
            return self.select(past, context), self.unknown.expand(past.shape[1], -1, -1)
        before, ahead = self.known(window).split([past.shape[2], self.blocks], dim=2)
        return self.select(torch.cat([past, before]), context), self.select_ahead(ahead, context)

    def _attend(self, x: Tensor) -> Tensor:
        """Temporal self-attention (section 4.5.3), of which the tokens ahead are needed alone.  (B, M, D)."""
        x = self.positions(x)
        layers = zip(self.norm_attention, self.attention, self.skip_attention, strict=True)
        for number, (norm, attention, skip) in enumerate(layers, 1):
            queries = self.blocks if number == len(self.attention) else x.shape[1]
            x = skip(x[:, -queries:], attention(norm(x), queries))
        return x
