"""What is computed in float32 even where a pass runs in less (``torch.autocast``)."""

from collections.abc import Callable
from functools import wraps
from typing import Any

import torch
from torch import Tensor, nn

Forward = Callable[..., Tensor]


def full_precision(forward: Forward) -> Forward:
    """Let a module's ``forward`` compute in float32.  Its first argument is a tensor; tensors by position are numbers.

    Recurrent layers need it on GPUs: inside any autocast torch hands them to cuDNN in float16, whose range gradients
    leave.  The line through the past and the last layer need it for their result: bfloat16 has three digits.
    """

    @wraps(forward)
    def exact(self: nn.Module, x: Tensor, *rest: Any, **named: Any) -> Tensor:
        kind = x.device.type
        if not torch.is_autocast_enabled(kind):
            return forward(self, x, *rest, **named)
        with torch.autocast(kind, enabled=False):
            rest = tuple(value.float() if isinstance(value, Tensor) else value for value in rest)
            return forward(self, x.float(), *rest, **named)

    return exact


class ExactLinear(nn.Linear):
    """A linear layer in float32, whatever the pass around it computes in."""

    @full_precision
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x)
