import sys

import pandas as pd
from neuralforecast import NeuralForecast
from neuralforecast.models import LSTM

frame = pd.read_csv(sys.argv[1], parse_dates=["month"]).rename(columns={"month": "ds", "passengers": "y"})
frame["unique_id"] = "passengers"
model = LSTM(
    h=12,
    input_size=48,
    encoder_hidden_size=64,
    encoder_n_layers=1,
    decoder_layers=1,
    windows_batch_size=64,
    max_steps=100,
)
nf = NeuralForecast([model], freq="MS")
nf.fit(frame)
print(nf.predict())
