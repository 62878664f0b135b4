"""The plain workflow: an LSTM of 50 units over 1,000 time steps, one dense layer.  Weekly CO2, half a year ahead."""

from forecast import LSTMForecaster, create, load_dataset

frame = load_dataset("co2")  # 2,284 weeks

plain = LSTMForecaster(
    horizon=26,
    tokens="steps",  # the cell reads week after week, not patches of weeks
    lookback=1000,
    hidden_size=50,
    decoder="dense",
    highway=False,  # no linear map of the window beside the network
    levels=None,  # one number per step, the mean, rather than levels of a distribution
    point_loss="mse",
    location="last",  # windows less their last value: the series has risen by a quarter since 1958
    batch_size=16,
    max_steps=150,
    threads=1,
)
for forecaster in (plain, create("seasonal-naive", horizon=26)):
    scores = forecaster.backtest(frame, folds=4).metrics()  # fitted on what lies before the last two years
    name = type(forecaster).__name__
    print(f"{name:24} MASE {scores['mase']:.2f}, root mean squared error {scores['rmse']:.2f} ppm")
