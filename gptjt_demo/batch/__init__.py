"""A template put to many rows: the run, its journal, and the processes that share it."""
