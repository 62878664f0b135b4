"""Several forecasters as one, with intervals that cover as often as they say: learned on earlier folds, then judged.

Nothing is forecast twice: weights, combinations and calibrations are arithmetic on the forecasts of the members.
"""

from forecast import ConformalForecaster, create, load_dataset
from forecast.ensembles import CombinedForecaster, combined_backtest, split_folds, weigh
from forecast.evaluation import backtest
from forecast.intervals import calibrate, calibrated_backtest

MEMBERS = ("seasonal-naive", "drift", "linear", "theta")
HORIZON, FOLDS, JUDGED = 26, 40, 20

frame = load_dataset("co2")  # 44 years of weeks
found = backtest(list(MEMBERS), frame, horizon=HORIZON, folds=FOLDS)
earlier = {name: split_folds(result, FOLDS - JUDGED)[0] for name, result in found.items()}
later = {name: split_folds(result, FOLDS - JUDGED)[1] for name, result in found.items()}

print(f"{'on the last ' + str(JUDGED) + ' folds':26} {'MASE':>6} {'WQL':>7} {'90 % cover':>11}")


def tell(name, result):
    measures = result.metrics()
    print(f"{name:26} {measures['mase']:6.3f} {measures['wql']:7.4f} {measures['coverage_90']:11.0%}")


for name, result in later.items():
    tell(name, result)
for how in ("equal", "inverse-error", "greedy", "stacked"):
    tell(f"combined, {how}", combined_backtest(later, weigh(earlier, how)))

weights = weigh(earlier, "greedy")
before, after = combined_backtest(earlier, weights), combined_backtest(later, weights)
for kind in ("split", "adaptive"):
    tell(f"greedy, {kind} intervals", calibrated_backtest(after, calibrate(before, kind)))

weights = weigh(found, "greedy")  # what was judged is now made of all folds, around models that know all rows
models = {name: create(name, horizon=HORIZON).fit(frame) for name in weights.used().members}
combined = CombinedForecaster.from_fitted(models, weights)
final = ConformalForecaster.from_fitted(combined, calibrate(combined_backtest(found, weights), "adaptive"))
print(final.predict(levels=(0.05, 0.95)).head(3).to_string(index=False, float_format="%.1f"))
