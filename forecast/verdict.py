"""Who won a backtest, in plain words."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from forecast.automatic.candidates import REFERENCE, kind_of
from forecast.evaluation.comparison import contest
from forecast.evaluation.findings import Contest, Word
from forecast.evaluation.results import Backtest
from forecast.evaluation.sums import intervals

MOST_NAMED = 3  # forecasters in a sentence


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What a run concludes.

    winner: name of the best.  beaten: it is better than seasonal naive.  gain: share of the seasonal naive's MASE (of
    its MAE where no series has a scale) that it saves; negative where it is worse.  sentences: all of it in words.
    word: whether the difference to seasonal naive is shown: 'better', 'worse' or 'cannot tell'.
    """

    winner: str
    beaten: bool
    gain: float
    sentences: tuple[str, ...]
    word: Word = "cannot tell"


def judge(backtests: Mapping[str, Backtest], ranking: pd.DataFrame, *, winner: str | None = None) -> Verdict:
    """The verdict on backtests of the same windows, ``ranking`` being their leaderboard.

    winner: what was chosen where that need not be the first of the ranking, which may lead by chance.
    """
    winner = str(ranking.index[0]) if winner is None else winner
    measure = "mase" if np.isfinite(ranking["mase"].iloc[0]) else "mae"
    best, base = float(ranking[measure][winner]), float(ranking[measure].get(REFERENCE, np.nan))
    gain = 1 - best / base if base > 0 else 0.0
    beaten = bool(best < base)
    head = _win(backtests, ranking, winner, measure, gain) if beaten else _none_better(ranking, winner, measure)
    judged = contest(backtests, measure=measure, resamples=0)
    rest = (
        _shown(judged, ranking, winner) if beaten else "",
        _rivals(judged, winner) if beaten else "",
        _leader(judged, ranking, winner, measure),
        _networks(ranking, winner, measure),
        _season(backtests),
        _coverage(backtests[winner]),
    )
    against = judged.against_reference.get(winner)
    word = against.word if against else "cannot tell"
    sentences = (head, *(line for line in rest if line))
    return Verdict(winner=winner, beaten=beaten, gain=gain, sentences=sentences, word=word)


def unjudged(winner: str) -> Verdict:
    """The verdict where the data are too short for a backtest."""
    text = f"The data are too short to test anything: {winner} forecasts, and how well is unknown."
    return Verdict(winner=winner, beaten=False, gain=0.0, sentences=(text,))


def _win(backtests: Mapping[str, Backtest], ranking: pd.DataFrame, winner: str, measure: str, gain: float) -> str:
    best, base = ranking[measure][winner], ranking[measure][REFERENCE]
    kind = ", a baseline," if kind_of(winner) == "baseline" else ""
    less = f"{gain:.0%} less error" if gain >= 0.005 else "hardly less error"
    verb = "forecasts best" if winner == ranking.index[0] else "is chosen"
    words = f"{winner}{kind} {verb}: {measure.upper()} {best:.3g}, {less} than seasonal naive ({base:.3g})"
    return f"{words}; it is better {_how_often(backtests[winner], backtests[REFERENCE], measure)}."


def _how_often(winner: Backtest, reference: Backtest, measure: str) -> str:
    parts = []
    if winner.folds > 1:
        better, total = _count(winner, reference, measure, "fold")
        parts.append(f"on {better} of {total} folds")
    if len(winner.panel) > 1:
        better, total = _count(winner, reference, measure, "series")
        parts.append(f"on {better:,} of {total:,} series")
    return " and ".join(parts) or "on the one fold that the data hold"


def _shown(judged: Contest, ranking: pd.DataFrame, winner: str) -> str:
    """Whether its lead over seasonal naive could be chance, and how large it is with what certainty."""
    made = judged.against_reference[winner]
    if made.word == "cannot tell":
        return f"Whether it truly is better than seasonal naive cannot be told: {made.evidence}."
    low, high = ranking["skill_low"][winner], ranking["skill_high"][winner]
    saved = f"; it saves {low:.0%} to {high:.0%} of the error (95 % interval)" if np.isfinite(low) else ""
    tested = f", with allowance for {len(judged.errors)} forecasters" if len(judged.errors) > 2 else ""
    return f"It is {made}{tested}{saved}."


def _rivals(judged: Contest, winner: str) -> str:
    """Which of the others it is not shown to be better than."""
    others = [name for name, made in judged.of_winner.items() if name != REFERENCE and made.word == "cannot tell"]
    if judged.winner != winner or len(judged.of_winner) < 2:
        return ""
    if not others:
        return "It is better than every other forecaster that was tried."
    others.sort(key=lambda name: judged.errors[name])
    named, more = ", ".join(others[:MOST_NAMED]), len(others) - MOST_NAMED
    return f"Not shown to be worse than it: {named}{f' and {more} more' if more > 0 else ''}."


def _count(winner: Backtest, reference: Backtest, measure: str, by: str) -> tuple[int, int]:
    pair = [result.metrics(by)[measure].to_numpy() for result in (winner, reference)]  # type: ignore[call-overload]
    return int((pair[0] < pair[1]).sum()), int((np.isfinite(pair[0]) & np.isfinite(pair[1])).sum())


def _none_better(ranking: pd.DataFrame, winner: str, measure: str) -> str:
    base = ranking[measure].get(REFERENCE, np.nan)
    others = ranking.drop(index=[REFERENCE], errors="ignore")
    if ranking[measure].iloc[0] < base:  # something else was chosen, for reasons of its own
        kept = f"; seasonal naive has {base:.3g}" if winner != REFERENCE else ""
        return f"{winner} is chosen: {measure.upper()} {ranking[measure][winner]:.3g}{kept}."
    words = f"No forecaster that was tried beats seasonal naive ({measure.upper()} {base:.3g}) on these data"
    if winner != REFERENCE:
        return f"{words}: {winner} is as good, and forecasts."
    closest = f"; the closest is {others.index[0]} with {others[measure].iloc[0]:.3g}" if len(others) else ""
    return f"{words}, so the forecast is that of seasonal naive{closest}."


def _leader(judged: Contest, ranking: pd.DataFrame, winner: str, measure: str) -> str:
    """Who had the lowest error where something else was chosen, and whether that could be chance."""
    first = str(ranking.index[0])
    if first == winner:
        return ""
    made = judged.of_winner[winner]
    words = f"{first} had {measure.upper()} {ranking[measure].iloc[0]:.3g}"
    if made.word == "cannot tell":
        return f"{words}; whether it truly is better cannot be told: {made.evidence}."
    return f"{words} and is {made}."


def _networks(ranking: pd.DataFrame, winner: str, measure: str) -> str:
    """How the networks did where a baseline won."""
    if kind_of(winner) != "baseline":
        return ""
    networks = [name for name in ranking.index if kind_of(str(name)) == "network"]
    if not networks:
        return "No network was tried."
    base = ranking[measure].get(REFERENCE, np.nan)
    error = float(ranking[measure][networks[0]])
    side = "better" if error < base else "no better"
    return f"The best network is {networks[0]} ({measure.upper()} {error:.3g}), {side} than seasonal naive."


def _season(backtests: Mapping[str, Backtest]) -> str:
    season = next(iter(backtests.values())).season
    return "" if season > 1 else "No season was found: seasonal naive repeats the last value here."


def _coverage(result: Backtest) -> str:
    """Whether the widest interval of the winner held what it promises."""
    widest = next(iter(intervals(result.levels)), None)
    if widest is None:
        return ""
    held = result.metrics()[f"coverage_{widest}"]
    return f"Its {widest} % interval held {held:.0%} of the values of the backtest."
