import sys

import pandas as pd
import torch
from torch import nn

frame = pd.read_csv(sys.argv[1])
y = torch.tensor(frame["passengers"].to_numpy(), dtype=torch.float32)
windows = y.unfold(0, 48 + 12, 1)
lstm, head = nn.LSTM(1, 64, batch_first=True), nn.Linear(64, 12)
optimiser = torch.optim.Adam([*lstm.parameters(), *head.parameters()], lr=1e-3)


def forecast(past: torch.Tensor) -> torch.Tensor:
    location, scale = past.mean(1, keepdim=True), past.std(1, keepdim=True)
    return head(lstm(((past - location) / scale)[..., None])[0][:, -1]) * scale + location


for _ in range(100):
    batch = windows[torch.randint(len(windows), (64,))]
    loss = (forecast(batch[:, :48]) - batch[:, 48:]).abs().mean()
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()
with torch.inference_mode():
    print(forecast(y[None, -48:])[0].tolist())
