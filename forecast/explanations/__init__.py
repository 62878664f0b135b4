"""What a fitted network looked at: ``forecaster.explain()``."""

from forecast.explanations.explanation import Explanation
from forecast.explanations.looking import explain

__all__ = ["Explanation", "explain"]
