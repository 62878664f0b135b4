import sys

import lightning.pytorch as pl
import pandas as pd
from pytorch_forecasting import RecurrentNetwork, TimeSeriesDataSet

frame = pd.read_csv(sys.argv[1]).assign(series="passengers")
frame["passengers"] = frame["passengers"].astype(float)
frame["step"] = range(len(frame))
samples = TimeSeriesDataSet(
    frame,
    time_idx="step",
    target="passengers",
    group_ids=["series"],
    max_encoder_length=48,
    max_prediction_length=12,
    time_varying_unknown_reals=["passengers"],
)
model = RecurrentNetwork.from_dataset(samples, hidden_size=64, rnn_layers=1, learning_rate=1e-3)
pl.Trainer(max_steps=100).fit(model, samples.to_dataloader(train=True, batch_size=64))
last = frame.tail(12)
ahead = pd.concat([frame, last.assign(step=last["step"] + 12)], ignore_index=True)  # rows to be forecast, any value
print(model.predict(TimeSeriesDataSet.from_dataset(samples, ahead, predict=True)))
