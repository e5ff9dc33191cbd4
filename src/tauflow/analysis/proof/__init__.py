"""What can be proved of a cell or a network, for every input; and where a proof fails, whether it is untrue."""
