"""What a fitted network looked at: ``forecaster.explain()``."""

from forecast.explanations.explain import explain
from forecast.explanations.explanation import Explanation

__all__ = ["Explanation", "explain"]
