"""What the three neural families share: resolving settings, learning, and forecasting windows in batches.

Dimension key: W windows, H horizon, C channels, V levels.
"""

import time
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
import torch

from forecast.datasets.arrays import Floats, Ints
from forecast.datasets.checks import check_horizon
from forecast.datasets.inputs import Covariates
from forecast.datasets.panel import Panel
from forecast.datasets.scaling import series_statistics
from forecast.datasets.windows import Shift, Window, Windows
from forecast.estimators.anchored import forecast_anchored, require_causal
from forecast.estimators.base import Job, OnReport
from forecast.estimators.defaults import resolve
from forecast.estimators.forecasting import over_windows, points_and_levels, sampled_frame
from forecast.estimators.learning import Learning, account
from forecast.estimators.neural_settings import NeuralSettings
from forecast.estimators.passes import is_small, windows_per_pass
from forecast.estimators.rolling import roll_forward
from forecast.estimators.saving import restore, state_of
from forecast.estimators.settings import idle
from forecast.estimators.sizes import sizes_of
from forecast.estimators.spans import trained_scale
from forecast.networks.base import Network, Sizes
from forecast.networks.channels import IndependentChannels
from forecast.outputs import Output, make_output
from forecast.training.device import borrowed, find_device, seeded, tune_process, used
from forecast.training.distributed import Ranks, own_device, together

if TYPE_CHECKING:
    from forecast.explanations import Explanation
    from forecast.streaming import Stream

MOST_LAYERS = 256


@dataclass(kw_only=True, eq=False, repr=False)
class NeuralForecaster(NeuralSettings):
    """Base of the families: a subclass names its network and adds the settings that build it."""

    keeps_to_origins: ClassVar[bool] = True
    reads_variates: ClassVar[bool] = False  # whether the family knows tokens that are whole variates

    def _build(self, sizes: Sizes, output: Output) -> Network:
        """The network of this family."""
        raise NotImplementedError(type(self).__name__)

    def _network(self, sizes: Sizes, output: Output) -> Network:
        """The same, over each channel by itself where these are independent."""
        if self.channels == "joint" or sizes.channels == 1:
            return self._build(sizes, output)
        return IndependentChannels(sizes, self._build(replace(sizes, channels=1), output))

    def _conflicts(self) -> Iterator[str]:
        yield from super()._conflicts()
        if self.distribution == "negative-binomial" and (self.transform != "none" or self.location != "mean"):
            yield f"distribution={self.distribution!r} is one of counts, which are neither transformed nor shifted"
        if self.distribution == "negative-binomial":
            yield from idle(self, "scale", needs="another distribution: counts are divided by their mean level")
        if self.levels or self.distribution:
            yield from idle(self, "point_loss", needs="levels=None and no distribution")
        if self.tokens == "steps":
            yield from idle(self, "patch", needs="patches")
        if self.tokens == "variates" and not self.reads_variates:
            yield "tokens='variates' have no order to read: only TransformerForecaster(architecture='encoder') can"

    def _location(self) -> Shift:
        """What windows are shifted by; counts are not."""
        return self.location if self.output_.centred else "zero"

    def _paths(self) -> int:
        """Sampled paths that the forecasts' levels come from; 0 where the network gives these itself."""
        return 0

    def _pretraining(self) -> float:
        """Share of the training in which the network fills in hidden tokens, before it learns to forecast."""
        return 0.0

    def _causal(self) -> bool:
        """Whether the network that the settings describe is causal."""
        return True

    def _renamed(self, weight: str) -> str:
        """Today's name of a weight in a saved model."""
        return weight

    # ------------------------------------------------------------------ learning

    def _learn(self, panel: Panel, job: Job) -> None:
        with together() as ranks:
            if not ranks.first:
                job = replace(job, checkpoint=None, on_report=None)
            device = own_device(find_device(self.device), ranks)
            self._learn_on(device, panel, job, ranks)

    def _learn_on(self, device: torch.device, panel: Panel, job: Job, ranks: Ranks) -> None:
        tune_process()
        with used(device), borrowed(self.threads), seeded(self.seed, device) as waited:
            job = replace(job, began=job.began + waited)
            self.resolved_ = resolve(self, panel, causal=self._causal())
            self.covariates_ = Covariates.learn(panel, calendar=self.calendar, holidays=self.holidays)
            self.series_ = {name: number for number, name in enumerate(panel.ids.tolist(), 1)}
            self.spans_: Ints | None = np.stack([panel.starts, panel.starts + panel.ends], axis=1)
            self.scales_: Floats | None = None  # while training, each panel speaks for itself
            self.output_ = make_output(self.levels, self.point_loss, self.distribution)
            self.output_.require(panel.target)
            paced = self.max_time is not None  # threads then come and go
            batch, origins = self.resolved_.batch_size, self.resolved_.origins
            with borrowed(self.threads if paced else self._threads_for(batch, origins)):
                progress = Learning(forecaster=self, job=job, device=device, ranks=ranks).run(panel)
            self.scales_ = series_statistics(panel).scale()
        self.report_ |= {**asdict(self.resolved_), **account(self, panel, progress)}

    def _sizes(self, channels: int) -> Sizes:
        return sizes_of(self, channels)

    def _windows(
        self,
        panel: Panel,
        device: torch.device,
        known: Ints | None = None,
        *,
        min_context: int | None = None,
        rounded: bool = False,
    ) -> Windows:
        numbers = np.array([self.series_.get(name, 0) for name in panel.ids.tolist()], np.int64)
        return Windows(
            panel,
            covariates=self.covariates_,
            lookback=self.resolved_.lookback,
            horizon=self.horizon,
            stride=self.resolved_.patch,
            min_context=min_context or self.resolved_.min_context,
            numbers=numbers,
            known=known,
            scale=self._trained_scale(panel.starts, panel.starts + panel.ends, numbers),
            location=self._location(),
            unit=self.scale,
            rounded=rounded,
            device=device,
        )

    def _trained_scale(self, starts: Ints, ends: Ints, numbers: Ints) -> Floats | None:
        return trained_scale(self.scales_, self.spans_, starts, ends, numbers)

    def fine_tune(
        self,
        X: Any,
        y: Any = None,
        *,
        max_steps: int | None = None,
        max_time: float | None = None,
        learning_rate: float | None = None,
        validation: Any = None,
        future_data: Any = None,
        on_report: OnReport | None = None,
    ) -> Self:
        """Go on training from the fitted weights on the new rows of X, and forecast from their end from then on.

        X: rows that follow those of training (which it may hold too), or series not seen before.  max_steps: a tenth
        of the fit's by default.  learning_rate: a twentieth of the fit's.  validation: as in ``fit``, out of the new
        rows; a third of them at most by default.  Weights that are no better there than before are not kept, which
        ``report_["fine_tuned"]`` tells.  Raises ``ConfigError``, ``DataError`` or ``TrainingError``, and then changes
        nothing.
        """
        from forecast.estimators.fine_tuning import Asked, fine_tune

        asked = Asked(
            max_steps=max_steps,
            max_time=max_time,
            learning_rate=learning_rate,
            validation=validation,
            on_report=on_report,
            began=time.perf_counter(),
        )
        self._require_fit()
        asked.check()
        fine_tune(self, self._panel(X, y=y, schema=self.schema_, future_data=future_data), asked)
        return self

    # ------------------------------------------------------------------ forecasting

    def _context_steps(self) -> int:
        return self.resolved_.lookback

    def _stored_steps(self) -> int:
        return self.resolved_.lookback + self.horizon  # fine-tuning forecasts the first new rows from before them, too

    def _windows_per_pass(self) -> int:
        return windows_per_pass(self.network_.sizes, self.hidden_size, folded=self._folded())

    def _threads_for(self, windows: int, origins: int = 1) -> int | None:
        """CPU threads for a pass over so many windows: one where the threads would only wait for one another."""
        tokens = -(-self.resolved_.lookback // self.resolved_.patch) + origins - 1
        small = is_small(windows * self._folded(), tokens, self.hidden_size)
        return 1 if small and self.threads is None else self.threads

    def _folded(self) -> int:
        """Channels that the network reads as windows of their own."""
        return len(self.schema_.target) if self.channels == "independent" else 1

    def _forecast(self, panel: Panel, series: Ints, ends: Ints, *, horizon: int, levels: tuple[float, ...]) -> Floats:
        if horizon > self.horizon:
            return roll_forward(self._forecast_once, panel, series, ends, self, horizon=horizon, levels=levels)
        return self._forecast_once(panel, series, ends, levels)[:, :horizon]

    def _forecast_once(self, panel: Panel, series: Ints, ends: Ints, levels: tuple[float, ...]) -> Floats:
        """The network's own horizon from any origins: (W, H, C, 1 + V)."""

        def values(window: Window, batch: slice) -> torch.Tensor:
            return points_and_levels(self, window, levels)

        return over_windows(self, panel, series, ends, values, columns=1 + len(levels), paths=self._paths())

    def forecast_windows(
        self,
        panel: Panel,
        series: Ints,
        ends: Ints,
        *,
        horizon: int | None = None,
        levels: tuple[float, ...] = (),
        anchored: bool = False,
    ) -> Floats:
        """As in every forecaster; ``anchored``: many origins in one pass of a causal network, see ``backtest``."""
        self._require_fit()
        self.output_.require(panel.target)
        if not anchored:
            return super().forecast_windows(panel, series, ends, horizon=horizon, levels=levels)
        steps = self.horizon if horizon is None else check_horizon(horizon)
        require_causal(self, steps)
        applied = self.transform_.apply(panel)
        values = forecast_anchored(self, applied, series, ends, horizon=steps, levels=levels)
        return self.transform_.invert(values, panel, series)

    def sample(self, X: Any = None, *, paths: int = 100, seed: int | None = None, future_data: Any = None) -> Any:
        """Possible futures over the trained horizon, in the data's units and within the bounds.

        A long frame: id, time, ``target`` where there are several, ``path`` (1 to ``paths``), ``forecast``.
        A network that forecasts by sampling (deepar) gives paths, each step drawn given the steps before it.  Others
        give sampled marginals, each step drawn by itself, so that sums over steps spread differently from those of real
        paths; ``frame.attrs["samples"]`` says ``paths`` or ``marginals``.
        seed: the forecaster's own when None.  The samples of the n-th series do not depend on the other series.
        X, future_data: as in ``predict``.  Raises ``ConfigError`` where the forecaster was trained for points only.
        """
        self._require_fit()
        panel = self.panel_ if X is None and future_data is None else self._context(X, future_data)
        return sampled_frame(self, panel, paths=paths, seed=seed)

    def stream(self, X: Any = None, *, future_data: Any = None) -> "Stream":
        """Forecasts row after row from the end of the training data or of X, each at the cost of its rows.

        Raises ``ConfigError`` where the network is not causal.  X, future_data: as in ``predict``.
        """
        from forecast.streaming import Stream

        self._require_fit()
        return Stream(self, self.panel_ if X is None and future_data is None else self._context(X, future_data))

    def explain(
        self,
        X: Any = None,
        *,
        future_data: Any = None,
        series: str | Iterable[str] | None = None,
        importance: bool | None = None,
        repeats: int = 10,
        seed: int | None = None,
    ) -> "Explanation":
        """What the network looks at in the forecast from the end of the training data or of X, as ``predict`` makes it.

        Attention maps, gates and selected variables of the network's layers, as far as it has them, and the importance
        of covariates: by how much the error of the last windows of X rises when their values are permuted.
        series: ids to look at; all when None.  importance: True asks for it, False leaves it out; None measures it
        where X has windows enough.  repeats: permutations.  seed: of these, the forecaster's own when None.
        X, future_data: as in ``predict``.  Raises ``ConfigError`` or ``DataError``; changes nothing in the forecaster.
        """
        from forecast.explanations import explain

        self._require_fit()
        panel = self.panel_ if X is None and future_data is None else self._context(X, future_data)
        chosen = self.seed if seed is None else seed
        return explain(self, panel, series=series, measure=importance, repeats=repeats, seed=chosen)

    # ------------------------------------------------------------------ saving

    def _state(self) -> tuple[dict[str, Any], dict[str, Floats]]:
        return state_of(self)

    def _restore(self, state: dict[str, Any], arrays: dict[str, Floats]) -> None:
        self.network_ = restore(self, state, arrays)
