"""Learning to fill in hidden tokens, before learning to forecast: BERT's task (Devlin et al. 2019, section 3.1) on
patches of a series (PatchTST, Nie et al. 2023, section 3.2).

Dimension key: B batch, N tokens, P steps per token, C channels, D width.
"""

import torch
from torch import Tensor, nn

from forecast.datasets.windows import Window
from forecast.errors import ConfigError
from forecast.layers.embeddings import patches
from forecast.layers.precision import ExactLinear
from forecast.networks.base import Network
from forecast.networks.channels import IndependentChannels
from forecast.networks.composed import ComposedNetwork
from forecast.outputs import PointOutput
from forecast.outputs.base import Number

HIDDEN = 0.4  # of the tokens, as in PatchTST


class MaskedReconstruction(Network):
    """The tokens and the trunk of a network, with what only this task needs: the vector of hidden tokens and a head.

    Hidden tokens lose all that they hold, covariates included, and keep their place.  Each pass draws them anew from
    torch's generator, the same number in every window.
    Output: (B, 1, N·P, C, 3): the value found, the true one, and whether it counts: hidden, and observed.
    """

    def __init__(self, network: ComposedNetwork, *, hidden: float = HIDDEN) -> None:
        super().__init__(network.sizes)
        sizes = network.sizes
        tokens = -(-sizes.lookback // sizes.patch)
        if tokens < 2:
            raise ConfigError(
                f"pretrain hides some tokens and reads others, but lookback={sizes.lookback} is one patch",
                "Set pretrain=0, a longer lookback or a shorter patch.",
            )
        self.hidden = min(max(1, round(hidden * tokens)), tokens - 1)
        self.ahead, self.tokens, self.trunk = network.ahead, network.tokens, network.trunk
        self.blank = nn.Parameter(0.02 * torch.randn(network.tokens.width))
        self.norm = nn.LayerNorm(network.trunk.width)
        self.head = ExactLinear(network.trunk.width, sizes.patch * sizes.channels)

    def forward(self, window: Window, origins: int = 1, every: int = 1) -> Tensor:
        true, observed = (patches(part, self.sizes.patch) for part in (window.target, window.observed))  # (B, N, P·C)
        hidden = self.draw(*true.shape[:2], device=true.device)[..., None]  # (B, N, 1)
        found = self.reconstruct(window, hidden)
        parts = torch.stack([found, true.to(found.dtype), (observed & hidden).to(found.dtype)], dim=-1)
        return parts.reshape(len(true), 1, -1, self.sizes.channels, 3)

    def draw(self, batch: int, tokens: int, *, device: torch.device) -> Tensor:
        """(B, N): whether a token is hidden, ``hidden`` of them in every row."""
        return torch.rand(batch, tokens, device=device).argsort(1) < self.hidden

    def reconstruct(self, window: Window, hidden: Tensor) -> Tensor:
        """(B, N, P·C) the values of all tokens, from those that ``hidden`` (B, N, 1) leaves."""
        tokens = self.tokens(window, self.ahead(window))
        states = self.trunk(torch.where(hidden, self.blank.to(tokens.dtype), tokens))
        values: Tensor = self.head(self.norm(states))
        return values


class Reconstruction(PointOutput):
    """The loss of that task: squared errors of what counts, whatever the answers of the window are."""

    size = 3

    def __init__(self) -> None:
        super().__init__("mse")

    def loss(self, raw: Tensor, answer: Tensor, counted: Tensor, scale: Number = 1.0) -> tuple[Tensor, Tensor]:
        """Sum over the hidden observed steps and their number, from raw (B, 1, T, C, 3)."""
        found, true, hidden = raw.unbind(-1)
        return super().loss(found[..., None], true, hidden > 0)


def masked(network: Network) -> Network:
    """The network that learns this task with the weights of ``network``; ``ConfigError`` where there are no tokens."""
    if isinstance(network, IndependentChannels):
        return IndependentChannels(network.sizes, masked(network.network))
    if not isinstance(network, ComposedNetwork):
        raise ConfigError(f"{type(network).__name__} has no tokens to hide", "Set pretrain=0.")
    return MaskedReconstruction(network)
