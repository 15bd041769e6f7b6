"""Train a causal LM on with the prefix-LM objective. Nothing of the playground imports this package."""
