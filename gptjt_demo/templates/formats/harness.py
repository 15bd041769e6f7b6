"""A template as a task of EleutherAI's lm-evaluation-harness, 0.4 and later.

`doc_to_text` holds the whole few-shot prompt, so that the harness, which renders it with Jinja, gives a model the same
bytes as this project; everything in it that Jinja would take for its own is escaped. The template's checks stand in
comments, as the rows of the data file that the task reads.
"""

from __future__ import annotations

import json
import re
import shlex
from typing import Any

from gptjt_demo.errors import TemplateError
from gptjt_demo.templates import yaml_text
from gptjt_demo.templates.prompt_text import BLANKS, complete_cue
from gptjt_demo.templates.template import Template

# Names that Jinja reads as something other than a column.
_TAKEN = {"and", "else", "false", "if", "import", "in", "include", "is", "loop", "none", "not", "or", "true"}
_TAKEN |= {"caller", "kwargs", "recursive", "self", "super", "varargs", "output"}
_HEAD = """\
# A task for lm-evaluation-harness, where the model `gptjt` of this project reads the prompt as it was trained to:
#   gptjt-demo lm-eval --model gptjt --model_args {arguments} --tasks {name} --include_path .
# The harness's own models, `hf` and `local-completions` among them, read it causally.
# Its rows are read from {name}.jsonl in the folder that the command is started in, one a line, such as:
"""


def write(template: Template, model: str, *, ascii: bool = False) -> str:
    """The task's YAML file, with the command that runs it on a model.

    Raises:
        TemplateError: the template shows other examples for each query, which a task cannot.
    """
    if template.nearest_examples is not None:
        what = "each prompt shows the examples nearest to its query, and a task has the same ones for every row"
        raise TemplateError(what, where=f"{template.name}, nearest_examples", mend="leave that field out, or use yaml")
    columns = _columns(template)
    rows = [(row.inputs, row.output) for row in template.checks] or [(template.query, "the right answer")]
    document: dict[str, Any] = {
        "task": template.name,
        "dataset_path": "json",
        "dataset_kwargs": {"data_files": {"test": f"{template.name}.jsonl"}},
        "test_split": "test",
        "output_type": "multiple_choice" if template.labels else "generate_until",
        "num_fewshot": 0,
        "doc_to_text": _prompt(template, columns),
        "doc_to_target": "output",
        "target_delimiter": "" if template.render(dict.fromkeys(columns, "x"))[-1:].isspace() else " ",
    }
    if template.labels:
        document["doc_to_choice"] = list(template.labels)
        document["metric_list"] = [_metric("acc"), _metric("acc_norm")]
    else:
        document["generation_kwargs"] = _settings(template)
        steps = [{"function": "remove_whitespace"}, {"function": "take_first"}]
        document["filter_list"] = [{"name": "answer", "filter": steps}]
        document["metric_list"] = [{**_metric("exact_match"), "ignore_case": True}]
    document["metadata"] = {"version": 1}
    examples = [{**{columns[name]: inputs[name] for name in columns}, "output": output} for inputs, output in rows]
    lines = [f"# {json.dumps(row)}\n".replace("\x7f", "\\u007f") for row in examples]
    arguments = shlex.quote(f"pretrained={model},attention={template.attention or 'prefix'}")
    return (
        _HEAD.format(name=template.name, arguments=arguments) + "".join(lines) + yaml_text.write(document, ascii=ascii)
    )


def _columns(template: Template) -> dict[str, str]:
    """A column for each input: its name, as Jinja can write it."""
    columns: dict[str, str] = {}
    for item in template.inputs:
        name = item.name.replace("-", "_")
        while name in _TAKEN or name in columns.values() or name[0].isdigit():
            name = f"text_{name}"
        columns[item.name] = name
    return columns


def _prompt(template: Template, columns: dict[str, str]) -> str:
    """Jinja that renders to the template's prompt for a row's columns."""
    sample = dict.fromkeys(columns, "x")
    header = template.render(sample).removesuffix(template.revised(instruction="", examples=()).render(sample))
    parts: list[tuple[str, str]] = []  # literal text, and the expression behind it
    for number, item in enumerate(template.inputs):
        cue, column = complete_cue(item.cue), columns[item.name]
        joined = f'(" " if {column}[:1] not in ["", "\\n"] else "") ~ {column}'
        value = joined if cue and not cue.endswith("\n") else column
        parts.append(((template.field_separator if number else "") + cue, value))
    tail = (template.field_separator + complete_cue(template.output_cue)).rstrip(BLANKS)
    if tail:
        values = "".join(f"{_text(literal)}{{{{ {value} }}}}" for literal, value in parts)
        # Jinja may drop a line end that is a template's last character.
        return re.sub(r"\n\Z", '{{ "\\\\n" }}', f"{_text(header)}{values}{_text(tail)}")
    # The prompt ends with a value, whose blanks at the end are dropped.
    joined = " ~ ".join(f"{json.dumps(literal, ensure_ascii=False)} ~ {value}" for literal, value in parts)
    return f'{_text(header)}{{{{ ({joined}).rstrip(" \\t") }}}}'


def _text(text: str) -> str:
    """Jinja that renders to the text: a brace that could begin something is said in quotes."""
    return re.sub(r"\{(?=[{%#]|\Z)", '{{ "{" }}', text)


def _settings(template: Template) -> dict[str, Any]:
    sampling = template.generation
    chance = {"temperature": sampling.temperature, "top_k": sampling.top_k, "top_p": sampling.top_p}
    return {
        "until": list(sampling.stop),
        "max_gen_toks": sampling.max_new_tokens,
        "do_sample": not sampling.greedy,
        **({} if sampling.greedy else {name: value for name, value in chance.items() if name != "top_k" or value}),
    }


def _metric(name: str) -> dict[str, Any]:
    return {"metric": name, "aggregation": "mean", "higher_is_better": True}
