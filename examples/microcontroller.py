"""To a microcontroller: the code of docs/tutorials/microcontroller.md."""

import shutil
import subprocess

import torch
import tauflow
from tauflow.training import ArraySource

torch.manual_seed(0)
dt = 0.01 + 0.03 * torch.rand(60, 50)
angle = torch.sin(2 * dt.cumsum(1) + 6 * torch.rand(60, 1))[..., None]
net = tauflow.Network(["angle"], ["torque"], "ctrnn", 12, period=0.025)
tauflow.fit(net, ArraySource(angle, -2 * angle, dt, batch_size=20), epochs=5, progress=False)


done = tauflow.deploy.export(net, to="c", folder="pendulum", name="pendulum")
print(sorted(done.files))
print([line for line in (done.folder / "pendulum.h").read_text().splitlines() if "pendulum_step" in line])


def check(folder, name):
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        return "no compiler here"
    files = [str(folder / f"{name}.c"), str(folder / f"{name}_check.c")]
    subprocess.run([compiler, "-O2", "-std=c99", *files, "-o", str(folder / "check")], check=True)
    return subprocess.run([str(folder / "check")], check=True, capture_output=True, text=True).stdout.strip()


print(check(done.folder, "pendulum"))


small = tauflow.deploy.export(net, to="c", folder="pendulum8", name="pendulum", numbers="int8")
print(check(small.folder, "pendulum"))
