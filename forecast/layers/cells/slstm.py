"""sLSTM: exponential gates, a normaliser and memory mixing (Beck et al. 2024, xLSTM, section 2.2).

The paper carries a memory c, a normaliser n and a stabiliser m, and reads c / n.  Here y = c / n and ℓ = log n are
carried: y moves towards the new input by the share w = i / n, and nothing can overflow.  The states are the same.

Dimension key: B batch, N tokens, I inputs, D width, A heads, E = D / A.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from forecast.layers.cells.base import RunningCell, heads_of
from forecast.layers.trunk import Carried
from forecast.layers.uncompiled import uncompiled

GATES = 4  # input, forget, new value, output


class _Loop(torch.autograd.Function):
    """The loop over tokens with its gradient written out, which is three times faster than autograd's on a CPU.

    gates (N, A, B, 4E), recurrent (A, E, 4E), h, y and ℓ (A, B, E) → states (N, A, B, E), and the last y and ℓ.
    """

    @staticmethod
    def forward(
        ctx: Any, gates: Tensor, recurrent: Tensor, hidden: Tensor, value: Tensor, level: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        hiddens, values, forgets, kinds = [hidden], [value], [], []
        for given in gates.unbind():
            enter, forget, new, output = torch.baddbmm(given, hidden, recurrent).chunk(GATES, dim=-1)
            level = level + nn.functional.logsigmoid(forget)
            share, new, output = torch.sigmoid(enter - level), torch.tanh(new), torch.sigmoid(output)
            level = torch.logaddexp(level, enter)
            value = torch.lerp(value, new, share)
            hidden = output * value
            hiddens.append(hidden)
            values.append(value)
            forgets.append(forget)
            kinds += [share, new, output]
        every = torch.stack(hiddens)
        acted = torch.stack(kinds).view(len(gates), 3, *hidden.shape)
        ctx.save_for_backward(recurrent, every, torch.stack(values), torch.stack(forgets), acted)
        return every[1:], value, level

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, up_states: Tensor, up_value: Tensor, up_level: Tensor) -> tuple[Tensor, ...]:
        recurrent, hiddens, values, forgets, acted = ctx.saved_tensors
        shares, news, outputs = acted.unbind(1)
        to_enter = shares * (1 - shares) * (news - values[:-1])  # from y, through the share
        to_forget, to_new = torch.sigmoid(-forgets), shares * (1 - news * news)
        to_output, onward = values[1:] * outputs * (1 - outputs), 1 - shares
        width, backwards = values.shape[-1], recurrent.transpose(1, 2)
        grown = torch.empty(*forgets.shape[:-1], GATES * width, dtype=values.dtype, device=values.device)
        hidden = torch.zeros_like(up_value)
        for n in range(len(grown) - 1, -1, -1):
            hidden = hidden + up_states[n]
            up_value = torch.addcmul(up_value, hidden, outputs[n])
            enter = torch.addcmul(up_level * shares[n], up_value, to_enter[n])
            up_level = up_level - enter
            torch.cat([enter, up_level * to_forget[n], up_value * to_new[n], hidden * to_output[n]], -1, out=grown[n])
            up_value = up_value * onward[n]
            hidden = torch.bmm(grown[n], backwards)
        before, after = (part.transpose(0, 1).flatten(1, 2) for part in (hiddens[:-1], grown))  # (A, N·B, …)
        return grown, before.transpose(1, 2) @ after, hidden, up_value, up_level


class MemoryMixing(nn.Module):
    """The recurrent half of sLSTM: gates of the tokens in, states out; heads mix their own states only.

    gates: (B, N, 4D), by head and then input, forget, new value, output.
    """

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads, each = heads, width // heads
        self.weight = nn.Parameter(torch.empty(heads, each, GATES * each).uniform_(-1, 1) * width**-0.5)
        # From long memory to short within each head, by a power law, as in the authors' implementation.
        self.bias = nn.Parameter(torch.zeros(heads, GATES, each))
        nn.init.zeros_(self.bias)
        with torch.no_grad():
            self.bias[:, 1] = 5 - 12 * torch.linspace(0, 1, each) ** 0.3

    def forward(self, gates: Tensor, carried: Carried | None) -> tuple[Tensor, Carried]:
        """States (B, N, D), and y and ℓ (B, D) after the last token.  carried: h, y and ℓ."""
        gates = gates + self.bias.flatten()
        split = gates.view(*gates.shape[:2], self.heads, -1)
        given = split.permute(1, 2, 0, 3).contiguous()  # (N, A, B, 4E)
        if carried is None:
            empty = given.new_zeros(*given.shape[1:-1], self.weight.shape[1])
            start = [empty, empty, torch.full_like(empty, float("-inf"))]
        else:
            start = [part.view(len(part), self.heads, -1).transpose(0, 1) for part in carried]
        states, value, level = _run(given, self.weight, *start)
        last = [part.transpose(0, 1).flatten(1) for part in (value, level)]
        return states.permute(2, 0, 1, 3).flatten(2), last


@uncompiled  # a compiler would write the loop out, token by token
def _run(*inputs: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    found: tuple[Tensor, Tensor, Tensor] = _Loop.apply(*inputs)  # type: ignore[no-untyped-call]
    return found


class SLSTM(RunningCell):
    """The bare cell: gates from tokens and states.  (B, N, I) → (B, N, D)."""

    kept = 3  # state, value, logarithm of the normaliser

    def __init__(self, inputs: int, width: int) -> None:
        super().__init__()
        self.inputs = nn.Linear(inputs, GATES * width, bias=False)
        self.mixing = MemoryMixing(width, heads_of(width))

    def run(self, x: Tensor, carried: Carried | None) -> tuple[Tensor, Carried]:
        found: tuple[Tensor, Carried] = self.mixing(self.inputs(x), carried)
        return found
