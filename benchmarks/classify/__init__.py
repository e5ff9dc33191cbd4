"""Labels of sequences: the default `Classifier` beside simple rivals and static networks, on sets that anyone can get."""
