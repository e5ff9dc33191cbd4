"""Learning on: streams that shift, and streams that do not, forecast by frozen weights and by weights that learn on.

sets      three streams, and the shift that each may suffer
trial     one model with one seed on one stream: frozen, learning on in several ways, and trained anew
run       the command     figure   the picture of docs/online.md
"""
