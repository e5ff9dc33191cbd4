"""Static against liquid: size, cost, convergence, robustness and adaptation of the same models, on the same data, trained alike.

sets      the data: recordings to learn from, to choose by and to test on, and the shift that each set may suffer
cuts      windows of recordings, and what disturbs them: noise, lost samples, uneven gaps, another rate, a shift
rules     what learns no recurrence, as modules: ridge, persistence, a constant, the season before
job       one model of one size from one seed: trained, then measured in every way
adapt     a stream that shifts halfway: frozen weights against weights that are learned on
verdict   what the rows say: means, areas under curves, who leads and by how much
page      docs/static-against-liquid.md    figure   its pictures    run   the command
"""
