"""Moving from ncps: the code of docs/tutorials/from-ncps.md."""

import torch

from tauflow.compat.ncps import AutoNCP, CfC  # was: from ncps.torch import CfC; from ncps.wirings import AutoNCP

torch.manual_seed(0)
net = CfC(3, AutoNCP(16, 4))
x, spans = torch.randn(5, 20, 3), torch.rand(5, 20)
y, hx = net(x, timespans=spans)
print(y.shape, hx.shape)


alone = torch.cat([net(x[k : k + 1], timespans=spans[k : k + 1])[0] for k in range(5)])
print(torch.allclose(y, alone, atol=1e-6))


other = CfC(3, AutoNCP(16, 4))
other.load_state_dict(net.state_dict(), strict=True)
print(torch.equal(other(x, timespans=spans)[0], y), sorted(net.state_dict())[:2])


from tauflow import LTC, Recurrent, wirings

ltc = LTC(3, wirings.auto_ncp(3, 16, 4), init="ncps", solver="semi_implicit", substeps=6)  # the numbers of ncps
print(Recurrent(ltc)(x, spans)[0].shape)
quick = LTC(3, wirings.auto_ncp(3, 16, 4))  # the default here: one exponential midpoint step, a third of the work
print(Recurrent(quick)(x, spans)[0].shape)
