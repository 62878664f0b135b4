"""What ``forecaster.explain()`` answers with."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from forecast.datasets.output import SERIES

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TABLES = ("attention", "gates", "variables", "importance")
MOST_NAMED = 4  # variables in the summary


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Explanation:
    """What a network looked at in the forecast from the end of each series, as tidy frames; empty where it has none.

    Steps are counted from the origin, the last observed step, which is 0; a token stands at its last step, and its
    ``time`` is that step's.  ``layer`` is the module's path in the network.  Where targets are read each by itself, a
    column ``target`` names them.

    attention: ``series``, ``layer``, ``head``, ``query``, ``key``, ``query_time``, ``key_time``, ``weight``: how much
    the query token reads of the key token.  The weights of a query sum to 1, but for simplified blocks (block
    'compact'), which have negative ones too.  Where tokens are variates, ``query`` and ``key`` are their names, and
    there are no times.
    gates: ``series``, ``layer``, ``step``, ``time``, ``half``, ``share``: how much of a token's state comes from the
    ``half`` (attention), the mean over the features; the other half (recurrence) has the rest.
    variables: ``series``, ``layer``, ``step``, ``time``, ``variable``, ``weight``: the shares of a token's variables,
    which sum to 1.  What is constant is weighed once per series, at step 0.
    importance: ``variable``, ``role``, ``importance``, ``low``, ``high``: by how much of itself the error rises without
    the variable, and the 90 % interval of that; see ``forecast.explanations.importance``.
    notes: what could not be told, and why.
    """

    forecaster: str
    horizon: int
    series: tuple[str, ...]
    attention: pd.DataFrame
    gates: pd.DataFrame
    variables: pd.DataFrame
    importance: pd.DataFrame
    notes: tuple[str, ...] = ()

    def __repr__(self) -> str:
        count = f"series {self.series[0]!r}" if len(self.series) == 1 else f"{len(self.series):,} series"
        lines = [f"{self.forecaster}, {self.horizon} steps ahead, {count}", *self._summary()]
        return "\n  ".join(lines if len(lines) > 1 else [*lines, "it has no attention, gates or covariates to show"])

    def to_json(self) -> dict[str, Any]:
        """Plain values: the four tables as lists of records, times as ISO text."""
        tables = {name: _records(getattr(self, name)) for name in TABLES}
        head = {"forecaster": self.forecaster, "horizon": self.horizon, "series": list(self.series)}
        return {**head, **tables, "notes": list(self.notes)}

    def plot(self, path: str | Path | None = None) -> "Figure":
        """A figure of all that there is, written as PNG to ``path`` where one is given.

        Raises ``ConfigError`` without matplotlib, which the extra ``report`` brings.
        """
        from forecast.explanation_plots import plot_explanation

        return plot_explanation(self, path)

    # ------------------------------------------------------------------ inside

    def _summary(self) -> list[str]:
        lines = []
        if len(self.attention):
            layers, heads = self.attention["layer"].nunique(), self.attention["head"].nunique()
            lines.append(f"attention: {_counted(layers, 'layer')} of {_counted(heads, 'head')}; {self._most_read()}")
        for layer, gate in self.gates.groupby("layer"):
            each = gate.groupby(SERIES)["share"].mean()
            spread = f" ({each.min():.2f} to {each.max():.2f} from series to series)" if len(each) > 1 else ""
            lines.append(f"{layer}: {gate['share'].mean():.2f} {gate['half'].iloc[0]}{spread}")
        for layer, chosen in self.variables.groupby("layer", sort=False):
            shares = chosen.groupby("variable")["weight"].mean().sort_values(ascending=False)
            named = [f"{name} {share:.2f}" for name, share in shares.head(MOST_NAMED).items()]
            lines.append(f"{layer}: {', '.join(named)}{', …' if len(shares) > MOST_NAMED else ''}")
        if len(self.importance):
            rows = self.importance.head(MOST_NAMED).itertuples()
            named = [f"{row.variable} {row.importance:+.1%} ({row.low:+.1%} to {row.high:+.1%})" for row in rows]
            rest = ", …" if len(self.importance) > MOST_NAMED else ""
            lines.append(f"error without: {', '.join(named)}{rest}")
        return lines + [f"note: {note}" for note in self.notes]

    def _most_read(self) -> str:
        """What the last token, or the first one of variates, reads most, the mean over layers, heads and series."""
        table = self.attention
        named = "key_time" not in table
        asked = table.groupby("layer")["query"].transform("first" if named else "last")
        means = table[table["query"] == asked].groupby("key")["weight"].mean()
        key = means.idxmax()
        where = str(key) if named else "the origin" if key == 0 else f"step {key:+d}"
        return f"{asked.iloc[0] if named else 'the last token'} reads {where} most ({means.max():.2f})"


def _counted(number: int, name: str) -> str:
    return f"{number} {name}{'' if number == 1 else 's'}"


def _records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    return list(json.loads(frame.to_json(orient="records", date_format="iso", double_precision=10)))
