"""Time and memory of every kind of attention at 1,024 to 65,536 tokens, beside full attention.

    python tests/benchmarks/attention.py [kind ...]     # all kinds of the table unless some are named

Full attention is measured twice: through torch's fused kernel (``full``), and with its map of all pairs in memory
(``materialised``).  A layer of width 64 with 4 heads reads one sequence, forward and, up to 16,384 tokens, forward and
backward, on one thread.  Each measurement has a process of its own: seconds of its CPU, which say more than the clock
on a busy machine, and its peak memory beyond what it held before the first pass.  Kinds that can be causal are, the
others are held against full attention in both directions.  What takes more than half of the free memory is left out.
Printed as Markdown: two tables, and from which length on a kind is faster and smaller than full attention.
"""

import multiprocessing
import os
import resource
import sys
import time
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import cast

import torch
from torch import Tensor

from forecast.errors import is_out_of_memory
from forecast.layers.attention.base import Attention
from forecast.layers.attention.full import FullAttention
from forecast.layers.attention.kinds import ATTENTION, make_attention
from forecast.layers.stack_config import AttentionKind, StackConfig
from forecast.training.device import tune_process

TOKENS, TRAINED = (1024, 4096, 16_384, 65_536), (1024, 4096, 16_384)
WIDTH, HEADS = 64, 4
SPANS = {"local": 256, "adaptive-span": 256}  # where the default is a share of the window, and so quadratic
LONGEST = 420.0  # seconds of a measurement
REPEATED = 1.0  # seconds within which a pass is repeated
MATERIALISED = "materialised"


class MaterialisedAttention(FullAttention):
    """softmax(QKᵀ / √d)·V with all of it in memory."""

    def mix(self, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        scores = (query * query.shape[-1] ** -0.5) @ key.transpose(-1, -2)
        if self.causal:
            later = torch.ones(scores.shape[-2:], dtype=torch.bool).triu(1)
            scores.masked_fill_(later, -torch.inf)
        return torch.softmax(scores, -1) @ value


@dataclass(frozen=True, kw_only=True)
class Job:
    kind: str
    tokens: int
    causal: bool
    backward: bool

    def maps(self) -> int:
        """Bytes that maps of all pairs would take: scores and weights, and the gradients of both."""
        return self.tokens**2 * HEADS * 4 * (4 if self.backward else 2) if self.kind == MATERIALISED else 0


@dataclass(frozen=True, kw_only=True)
class Cost:
    """Seconds of a pass, and bytes at its peak; infinite where it did not fit."""

    seconds: float = float("inf")
    peak: float = float("inf")
    why: str = ""


def make(job: Job) -> Attention:
    kind = "full" if job.kind == MATERIALISED else cast(AttentionKind, job.kind)
    config = StackConfig(
        width=WIDTH,
        heads=HEADS,
        causal=job.causal,
        places=2 * job.tokens,
        positions="none",
        attention=kind,
        span=SPANS.get(job.kind),
    )
    return MaterialisedAttention(config) if job.kind == MATERIALISED else make_attention(config)


# ---------------------------------------------------------------- in a process of its own


def measure(job: Job) -> Cost:
    """The cost of a job in this process, which has done nothing else."""
    tune_process()
    torch.manual_seed(0)
    layer = make(job)

    def run(x: Tensor) -> None:
        with torch.set_grad_enabled(job.backward):
            y = layer(x)
        if job.backward:
            y.backward(torch.ones_like(y))

    run(torch.randn(1, 512, WIDTH))  # loads the kernels
    x = torch.randn(1, job.tokens, WIDTH)
    limit = held() + free() // 2
    resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
    before, times, began = held(), [], time.perf_counter()
    while not times or (time.perf_counter() - began < REPEATED and len(times) < 20):
        start = time.process_time()
        run(x)
        times.append(time.process_time() - start)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return Cost(seconds=sorted(times)[len(times) // 2], peak=max(peak - before, 0))


def held() -> int:
    """Bytes of memory that this process holds now."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize()


def free() -> int:
    """Bytes of memory that this machine could give now."""
    with open("/proc/meminfo") as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith("MemAvailable"))


# ---------------------------------------------------------------- from outside


def ask(job: Job) -> Cost:
    """The cost of a job, measured in a new process; left out by rule where its maps would not fit."""
    if job.maps() > free() // 2:
        return Cost(why=f"{job.maps() / 1e9:.0f} GB")
    fork = multiprocessing.get_context("fork")  # has torch in memory already
    answer, question = fork.Pipe(duplex=False)
    process = fork.Process(target=reply, args=(job, question))
    process.start()
    question.close()
    cost = Cost(why=f"> {LONGEST:.0f} s")
    if answer.poll(LONGEST):
        try:
            cost = answer.recv()
        except EOFError:
            cost = Cost(why="failed")
    process.kill()
    process.join()
    print(f"{job}: {cost}", file=sys.stderr, flush=True)
    return cost


def reply(job: Job, question: Connection) -> None:
    """Measure, and send what was found."""
    try:
        question.send(measure(job))
    except (MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
        question.send(Cost(why="no memory"))


def shown(cost: Cost | None, unit: str) -> str:
    if cost is None:
        return ""
    if cost.why:
        return f"({cost.why})"
    return f"{cost.seconds * 1e3:,.1f}" if unit == "ms" else f"{cost.peak / 2**20:,.0f}"


def crossing(kind: dict[int, Cost], other: dict[int, Cost], measure: str) -> str:
    """The shortest length from which on a kind costs less at all lengths at which it was measured."""
    lower = [n for n, cost in kind.items() if n in other and getattr(cost, measure) < getattr(other[n], measure)]
    from_here = [n for n in lower if all(m in lower for m in kind if m > n)]
    return f"{min(from_here):,}" if from_here else "not seen"


Costs = dict[tuple[str, bool, bool], dict[int, Cost]]  # by kind, causal and backward, then by tokens


def table(costs: Costs, unit: str) -> None:
    """One row per kind, one column per length."""
    heads = [f"{n:,}" for n in TOKENS] + [f"{n:,} and back" for n in TRAINED]
    print(f"\n| {unit} | reads | " + " | ".join(heads) + " |\n|---|---|" + "--:|" * len(heads))
    for kind, causal, backward in costs:
        if not backward:
            forward, both = costs[kind, causal, False], costs[kind, causal, True]
            cells = [shown(forward.get(n), unit) for n in TOKENS] + [shown(both.get(n), unit) for n in TRAINED]
            print(f"| {kind} | {'back' if causal else 'both ways'} | " + " | ".join(cells) + " |")


def crossings(costs: Costs) -> None:
    """From which length on each kind beats full attention."""
    columns = [
        (f"{what} {name}{suffix}", measure, other, backward)
        for what, measure, other, name in (
            ("faster than", "seconds", "full", "fused"),
            ("faster than", "seconds", MATERIALISED, MATERIALISED),
            ("smaller than", "peak", MATERIALISED, MATERIALISED),
        )
        for suffix, backward in (("", False), (", and back", True))
    ]
    print("\n| from | " + " | ".join(name for name, *_ in columns) + " |\n|---|" + "--:|" * len(columns))
    for kind, causal, again in costs:
        if not again and kind not in ("full", MATERIALISED):
            cells = [
                crossing(costs[kind, causal, backward], costs[other, causal, backward], measure)
                for _, measure, other, backward in columns
            ]
            print(f"| {kind} | " + " | ".join(cells) + " |")


def main() -> None:
    known = [str(kind) for kind in ATTENTION if kind != "full"]
    chosen = sys.argv[1:] or known
    rows = [(kind, ATTENTION[cast(AttentionKind, kind)].masks) for kind in chosen]
    ways = sorted({causal for _, causal in rows}, reverse=True)
    rows = [(kind, causal) for kind in ("full", MATERIALISED) for causal in ways] + rows
    torch.set_num_threads(1)
    print(f"width {WIDTH}, {HEADS} heads, one thread, load {os.getloadavg()[0]:.1f}; spans {SPANS}, others by default")
    costs: Costs = {}
    for kind, causal in rows:
        for backward in (False, True):
            costs[kind, causal, backward] = {}
            for tokens in TRAINED if backward else TOKENS:
                job = Job(kind=kind, tokens=tokens, causal=causal, backward=backward)
                costs[kind, causal, backward][tokens] = ask(job)
    table(costs, "ms")
    table(costs, "MB")
    crossings(costs)
    print(f"\nload {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
