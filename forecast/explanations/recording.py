"""Listening in on a pass of a network: what its attention, gates and selections weigh.

Dimension key: B batch, A heads, N queries, M keys, T tokens, D width, V variables.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from forecast.errors import ConfigError


@dataclass(frozen=True, kw_only=True)
class Recording:
    """heard: by the module's path, one entry for each time that it was called.  silent: why a module has no weights."""

    heard: dict[str, list[Tensor]] = field(default_factory=dict)
    silent: dict[str, str] = field(default_factory=dict)

    def weights(self) -> dict[str, Tensor]:
        """By path: attention (B, A, N, M), the share of a gate's first half (B, T), of variables (B, T, V) or (B, V).

        What is called once for each block of the horizon has all of them, in order.
        """
        return {path: torch.cat(parts, -2 if parts[0].dim() == 4 else 1) for path, parts in self.heard.items()}


@contextmanager
def recording(network: nn.Module) -> Iterator[Recording]:
    """Listen to every module that ``explains`` itself, in passes as in prediction; then all is as it was before.

    The weights come from what a module is about to read, before it reads: some work in place.
    """
    found, training = Recording(), network.training
    handles = []
    try:
        for path, module in network.named_modules():
            if hasattr(module, "explains"):
                handles.append(module.register_forward_pre_hook(_listener(path, found), with_kwargs=True))
        network.eval()
        yield found
    finally:
        for handle in handles:
            handle.remove()
        if training:
            network.train()


def _listener(path: str, found: Recording) -> Any:
    def listen(module: Any, inputs: tuple[Any, ...], named: dict[str, Any]) -> None:
        if path in found.silent:
            return
        try:
            weights: Tensor = module.weights(*inputs, **named)
        except ConfigError as error:
            found.silent[path] = error.cause
            return
        if module.explains == "gate":
            weights = weights.mean(-1)
        found.heard.setdefault(path, []).append(weights.detach().float().cpu())

    return listen
