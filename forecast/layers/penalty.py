"""What a module adds to the loss that its network is trained by."""

from typing import Protocol, runtime_checkable

from torch import Tensor, nn


@runtime_checkable
class Penalised(Protocol):
    """A module whose weights have a price of their own, such as the reach of an attention."""

    def penalty(self) -> Tensor:
        """A single number, on the scale of the mean loss per forecast value."""
        ...


def penalised(network: nn.Module) -> list[Penalised]:
    """The modules of a network that add to its loss."""
    return [module for module in network.modules() if isinstance(module, Penalised)]
