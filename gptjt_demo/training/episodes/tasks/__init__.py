"""The families of few-shot tasks, a module for each subject; each has a table of its own, `FAMILIES`."""
