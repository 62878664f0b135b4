"""AdamW (Loshchilov & Hutter 2019) through torch's fused update.

Building any ``torch.optim`` optimiser imports ``torch._dynamo``, which costs a short job 0.75 s before its first step.
This one calls the same fused operator; a test holds it to ``torch.optim.AdamW``.
"""

from collections.abc import Iterable

import torch
from torch import Tensor, nn


class AdamW:
    """Decoupled weight decay on matrices; none on biases, norms and other vectors."""

    def __init__(
        self,
        parameters: Iterable[nn.Parameter],
        *,
        weight_decay: float = 0.01,
        betas: tuple[float, float] = (0.9, 0.95),
        eps: float = 1e-8,
    ) -> None:
        used = [p for p in parameters if p.requires_grad]
        self.betas, self.eps = betas, eps
        self.groups = [([p for p in used if p.ndim > 1], weight_decay), ([p for p in used if p.ndim <= 1], 0.0)]
        self.means = {p: torch.zeros_like(p) for p in used}
        self.squares = {p: torch.zeros_like(p) for p in used}
        self.steps = {p: torch.zeros((), device=p.device) for p in used}

    def zero_grad(self) -> None:
        for p in self.means:
            p.grad = None

    @torch.no_grad()
    def step(self, rate: float) -> None:
        """One update at learning rate ``rate``; parameters without a gradient stay."""
        for group, decay in self.groups:
            live = [p for p in group if p.grad is not None]
            if not live:
                continue
            steps = [self.steps[p] for p in live]
            torch._foreach_add_(steps, 1)
            torch._fused_adamw_(
                list[Tensor](live),
                [p.grad for p in live if p.grad is not None],
                [self.means[p] for p in live],
                [self.squares[p] for p in live],
                [],
                steps,
                lr=rate,
                beta1=self.betas[0],
                beta2=self.betas[1],
                weight_decay=decay,
                eps=self.eps,
                amsgrad=False,
                maximize=False,
            )

    def state(self) -> dict[str, Tensor]:
        """Everything that a resumed run needs, by name."""
        named = enumerate(self.means)
        return {
            f"{kind}.{i}": table[p]
            for i, p in named
            for kind, table in (("mean", self.means), ("square", self.squares), ("step", self.steps))
        }

    def load_state(self, state: dict[str, Tensor]) -> None:
        for name, value in self.state().items():
            value.copy_(state[name])


def clip_gradients(parameters: list[nn.Parameter], limit: float, *, scale: Tensor | float = 1.0) -> Tensor:
    """Multiply all gradients by ``scale`` and then down to a common norm of at most ``limit``.

    Returns the norm before the clipping, without reading it.
    """
    gradients = [p.grad for p in parameters if p.grad is not None]
    norm: Tensor = torch.linalg.vector_norm(torch.stack(torch._foreach_norm(gradients))) * scale
    torch._foreach_mul_(gradients, (limit / (norm + 1e-6)).clamp(max=1.0) * scale)
    return norm
