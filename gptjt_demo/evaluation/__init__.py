"""A template measured on labelled rows: figures, diagnostics, checks, and how they are told and drawn."""
