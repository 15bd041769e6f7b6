"""Other tools' formats: texts of theirs become templates, and templates become texts of theirs.

In: a link, a model card or its `widget:` block, an llm template, a template's own YAML, or a raw prompt; which one is
recognised. Out: YAML, a widget block, a task of lm-evaluation-harness, or calls from Python and a shell.
All of it is data: nothing that is read is run. One file a family of formats; none knows a model.
"""

from gptjt_demo.templates.formats.formats import FORMATS, Format, export, left_out
from gptjt_demo.templates.formats.reading import load, read, save

__all__ = ["FORMATS", "Format", "export", "left_out", "load", "read", "save"]
