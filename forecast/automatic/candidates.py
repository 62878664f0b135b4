"""What is tried, in which order: the names of the table, and the few settings that are worth a second look.

The orders and the list of changes come from measurements: see docs/mechanisms.md.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

from forecast.datasets.panel import Panel
from forecast.datasets.seasons import detect_cycles
from forecast.errors import unknown_name
from forecast.estimators.settings import check_values
from forecast.presets import PRESETS, create, forecaster_class, preset
from forecast.presets.row import NETWORKS as NEURAL

if TYPE_CHECKING:
    from forecast.estimators.base import Forecaster

REFERENCE = "seasonal-naive"
BASELINES = ("naive", "seasonal-naive", "drift", "mean", "linear", "theta", "ets", "arima")  # cheap ones first
NETWORKS = ("gru", "hybrid-attention-first", "transformer")  # cheap ones first, one of each family
CHANGES: tuple[tuple[str, Any], ...] = (  # of the best network so far, one at a time
    ("location", "last"),
    ("scale", "series"),
    ("seed", 1),  # no better by itself, but together with the other
    ("learning_rate", 2e-3),
    ("series_embedding", True),
    ("calendar", False),
)
OTHERS = ("p-slstm", "seq2seq", "hybrid-memory")  # where there is time for more
WITH_COVARIATES = ("tft",)  # the same where there are variables to select from


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A name of the table of forecasters and what is changed of its settings."""

    name: str
    changes: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def label(self) -> str:
        """How reports call it: the name, then what was changed."""
        return " ".join([self.name, *(f"{key}={value}" for key, value in self.changes.items())])

    @property
    def network(self) -> bool:
        """Whether it is a network rather than a baseline."""
        return kind_of(self.name) == "network"

    def changed(self, key: str, value: Any) -> "Candidate":
        """The same with one more change."""
        return replace(self, changes=MappingProxyType({**self.changes, key: value}))

    def create(self, given: Mapping[str, Any], **fixed: Any) -> "Forecaster":
        """A new forecaster with those of the given settings that it has; changes beat them, and ``fixed`` beats all."""
        return create(self.name, **{**settings_of(self.name, given), **self.changes, **fixed})


def baselines(panel: Panel, known: int, season: int) -> list[Candidate]:
    """Forecasters without a network, cheap ones first.

    A year of weeks is often too long to be found as a cycle in the data there are, and yet the best guess: seasonal
    naive is also tried over the other cycles, of the calendar and of the data, that fit into the ``known`` steps of the
    usual series.
    """
    found = [Candidate(name=name) for name in BASELINES]
    if REFERENCE in BASELINES:
        cycles = {int(cycle) for cycle in (*panel.timeline.cycles, *detect_cycles(panel))} - {season}
        others = [Candidate(name=REFERENCE).changed("season", cycle) for cycle in sorted(cycles) if cycle < known]
        place = BASELINES.index(REFERENCE) + 1
        found[place:place] = others
    return found


def networks() -> list[Candidate]:
    """Networks, cheap ones first."""
    return [Candidate(name=name) for name in NETWORKS]


def more(best: Candidate, panel: Panel, given: Mapping[str, Any]) -> list[Candidate]:
    """What else is worth a trial once ``best`` leads the networks: changes of its settings, then other networks."""
    taken = {*given, *best.changes}
    known = forecaster_class(best.name).__dataclass_fields__.keys() - taken
    if len(panel) < 2:
        known -= {"series_embedding"}
    changes = [best.changed(key, value) for key, value in CHANGES if key in known]
    names = (*OTHERS, *WITH_COVARIATES) if has_covariates(panel) else OTHERS
    return [*changes, *(Candidate(name=name) for name in names)]


def has_covariates(panel: Panel) -> bool:
    """Whether anything but targets and the calendar is known."""
    arrays = (panel.past, panel.future, panel.static, panel.past_codes, panel.future_codes, panel.static_codes)
    return any(array.shape[1] for array in arrays)


def check_settings(name: str, given: Mapping[str, Any], horizon: int) -> None:
    """``ConfigError`` where one of the given settings has a value that the forecaster of that name does not take."""
    check_values(create(name, **{**settings_of(name, given), "horizon": horizon}))


def require_known(given: Mapping[str, Any]) -> None:
    """``ConfigError`` for a setting that no forecaster of the table has, and that would change nothing unseen."""
    single = [name for name, row in PRESETS.items() if row.family != "ensemble"]
    known = {key for name in single for key in forecaster_class(name).__dataclass_fields__}
    for key in given:
        if key not in known:
            raise unknown_name("setting of what is tried", key, known)


def settings_of(name: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """Those of the given settings that the forecaster of that name has."""
    known = forecaster_class(name).__dataclass_fields__
    return {key: value for key, value in given.items() if key in known}


def kind_of(label: str) -> Literal["network", "combination", "baseline"]:
    """What a name of the table, or the label of a candidate, stands for."""
    family = preset(label.partition(" ")[0]).family
    if family in NEURAL:
        return "network"
    return "combination" if family == "ensemble" else "baseline"
