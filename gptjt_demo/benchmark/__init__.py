"""How fast a model runs here, beside the memory's own speed and beside other libraries on the same weights.

`run.Bench` is the way in; what it gives is a `report.Report`: a table, then one JSON line. Every contender is a process
of its own, and they take turns. Speeds are of this machine alone; ratios travel better.
"""
