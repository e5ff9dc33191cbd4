"""Speed, memory and latency of the kernels beside ncps, torch and ONNX Runtime; START with run.py.

run.py       the command, its parts         contestants.py   what is compared, each under a name
shapes.py    sizes                          timing.py        A B C A B C, in CPU time
latency.py   one sample in, one out         memory.py, scaling.py, threads.py, compiled.py   the other parts
parity.py    right before timed             page.py, figure.py, goals.py, work.py            results -> documentation
"""
