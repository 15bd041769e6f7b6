"""Files of rows: CSV, TSV, JSONL and XLSX in and out, every cell a text that comes out as it went in.

`table.read` is the way in, `rowfile.write` the way out; the other modules are a format or a rule each. Nothing here
knows templates or models.
"""
