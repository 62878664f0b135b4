"""What comparisons of forecasters found: 'better', 'worse' or 'cannot tell', and on what grounds."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np

from forecast.evaluation.significance import MOST_NEEDED
from forecast.plain import rounded

By = Literal["fold", "series"]
Word = Literal["better", "worse", "cannot tell"]


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Whether ``first`` forecasts better than ``second``.

    measure: of error.  difference: mean of first − second over ``pairs`` folds (or series, as ``by`` says).
    p: two-sided; NaN where there are too few.  adjusted: the same, for the number of comparisons made (Holm 1979).
    level: of ``adjusted``, below which the difference counts as shown.
    needed: how many folds (or series) would show a true difference of the size seen in four of five cases.
    skill: share of the second's error that the first saves, geometric mean over series; low, high: its interval, of
    coverage 1 − level for this comparison alone; NaN where there are too few.  It tells of the usual series, the
    difference of the mean error, to which a few hard series may add most: they need not agree.
    """

    first: str
    second: str
    measure: str
    by: By
    pairs: int
    difference: float
    p: float
    adjusted: float
    level: float
    needed: int
    skill: float
    low: float
    high: float

    @property
    def word(self) -> Word:
        """'better' or 'worse' where the first is shown to be so, else 'cannot tell'."""
        if not self.adjusted < self.level:
            return "cannot tell"
        return "better" if self.difference < 0 else "worse"

    @property
    def evidence(self) -> str:
        """What the word rests on, as a reader wants it."""
        if np.isnan(self.p):
            few = f"{_pairs(self.pairs, self.by)}, a test needs {self.needed:,}"
            return few if self.pairs < self.needed else "not every error is defined"
        told = f"{_chance(self.adjusted)} on {_pairs(self.pairs, self.by)}"
        if self.word != "cannot tell":
            return told
        if self.needed >= MOST_NEEDED:
            return f"{told}, too alike for any number of them"
        return f"{told}, about {self.needed:,} would be needed"

    def __str__(self) -> str:
        return f"{self.word}: {self.evidence}"

    def sentence(self) -> str:
        """All of it on a line: who, the word, the grounds and the skill with its interval."""
        ends = f" ({100 * self.low:.1f} to {100 * self.high:.1f})" if np.isfinite(self.low) else ""
        apart = self.by == "series" and self.p >= self.level and self.low * self.high > 0
        which = ": of the usual series, not of the mean error" if apart else ""
        return f"{self.first} against {self.second}: {self}; skill {100 * self.skill:.1f} %{ends}{which}"

    def to_json(self) -> dict[str, Any]:
        """Plain values, None for what could not be told."""
        return {name: rounded(value) for name, value in {"word": self.word, **asdict(self)}.items()}


@dataclass(frozen=True, kw_only=True)
class Contest:
    """Each forecaster against the reference, and the winner against each of the others, by the other's name.

    reference: None where it is not among them; ``against_reference`` is then empty.
    errors: ``measure`` over everything.  ranks: mean rank over series × folds, 1 the best.
    """

    winner: str
    reference: str | None
    measure: str
    by: By
    errors: Mapping[str, float]
    ranks: Mapping[str, float]
    against_reference: Mapping[str, Comparison]
    of_winner: Mapping[str, Comparison]

    def ranked(self) -> list[str]:
        """The names, the smallest error first; those without one last."""
        return sorted(self.errors, key=lambda name: (np.isnan(self.errors[name]), self.errors[name]))

    def comparisons(self) -> tuple[Comparison, ...]:
        """Each pair once, best first: all against the reference, then the winner against each of the others."""
        told = {} if self.winner == self.reference else self.of_winner
        against = [self.against_reference[name] for name in self.ranked() if name in self.against_reference]
        return (*against, *(told[name] for name in self.ranked() if name in told and name != self.reference))


def _pairs(count: int, by: By) -> str:
    return f"{count:,} series" if by == "series" else f"{count:,} {'fold' if count == 1 else 'folds'}"


def _chance(p: float) -> str:
    return "p < .001" if p < 0.001 else f"p = {p:.3f}".replace("0.", ".", 1)
