"""What a model is trained on: sources, the mixture of them, and samples packed to sequences."""
