"""Which forecaster is better, how sure that is, and whether intervals hold what they promise."""

from forecast import backtest, load_dataset
from forecast.evaluation import contest, leaderboard

frame = load_dataset("co2")
results = backtest(["seasonal-naive", "naive", "theta", "linear"], frame, horizon=13, folds=12)

judged = contest(results)  # each against seasonal naive, and the winner against each of the others
table = leaderboard(results, judged=judged)
print(table[["mase", "rank", "skill", "skill_low", "skill_high", "against_reference", "first_is"]].round(3).to_string())
print()
for comparison in judged.comparisons():
    print(comparison.sentence())

print(f"\nShare of the values at or below each level that {judged.winner} forecast, with 95 % bands:")
print(results[judged.winner].calibration().round(2).to_string())
