"""Which rows of a labelled file make the best examples, and in which order: searched on one half, told on the other."""
