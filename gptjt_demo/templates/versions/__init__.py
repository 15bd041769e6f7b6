"""A template's versions: what changed from one to the next, what was measured with each, and back to any of them."""
