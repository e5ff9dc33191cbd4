"""Moving from torch's LSTM and GRU: the code of docs/tutorials/from-torch.md."""

import torch
from torch import nn

import tauflow
from tauflow import CfC, GatedLTC, Recurrent

torch.manual_seed(0)
theirs = nn.LSTM(3, 16, batch_first=True)
ours = Recurrent(tauflow.LSTM(3, 16))
with torch.no_grad():
    cell = ours.cell
    cell.weight_ih.zero_()[:, :3].copy_(
        theirs.weight_ih_l0
    )  # its last column is for the gap, which theirs does not know
    cell.weight_hh.copy_(theirs.weight_hh_l0)
    cell.bias_ih.copy_(theirs.bias_ih_l0), cell.bias_hh.copy_(theirs.bias_hh_l0)
x = torch.randn(4, 25, 3)
print(torch.allclose(theirs(x)[0], ours(x)[0], atol=1e-6))


lengths = torch.tensor([25, 10, 18, 7])
mask = torch.arange(25)[None] < lengths[:, None]
y, state = ours(x, mask=mask)
packed = nn.utils.rnn.pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
print(torch.allclose(theirs(packed)[1][0][0], state[:, :16], atol=1e-6))


dt = torch.rand(4, 25)
for cell in (CfC(3, 16), GatedLTC(3, 16)):
    y, state = Recurrent(cell)(x, dt, mask)
    print(type(cell).__name__, tuple(y.shape), tuple(state.shape))
