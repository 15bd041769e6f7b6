"""From a model's name to an `Engine`: the hub, checkpoints, 8-bit layouts, and the network that is built from them."""
