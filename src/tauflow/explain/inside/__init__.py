"""Inside a network: what each synapse carried, how fast each neuron is, and a smaller network that answers the same."""
