"""Few-shot templates: what one is, how it is read, written, shared, and what makes it err. No model, no torch."""
