"""The automatic choice.  A row of the table: see ``forecast.presets``."""

from forecast.presets.row import Preset

AUTOMATIC: tuple[Preset, ...] = (
    Preset(
        name="auto",
        family="ensemble",
        target="forecast.automatic:AutoForecaster",
        description="Chooses by itself: tries, tunes and combines what fits into max_time",
        paper="after Makridakis & Hibon 2000; Caruana et al. 2004",
        mechanism="Baselines, statistics and networks are tried on the same folds, cheap ones first; the leading "
        "network is tried with other settings; what is simpler stays unless a combination is better by more than the "
        "noise; what is chosen is fitted again on all rows.",
        strengths="When it is not known what suits the data: it is not worse than the best baseline, and says why.",
    ),
)
