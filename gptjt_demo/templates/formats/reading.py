"""From a text of any known kind, or the file that holds it, to templates; and from templates to files.

Which kind a text is follows from its beginning, its top-level field names and its last line: a raw prompt ends with a
cue that has nothing after it, which no YAML of ours or of others does.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from pathlib import Path

from gptjt_demo.errors import TemplateError
from gptjt_demo.templates import link, yaml_text
from gptjt_demo.templates.formats import kept, llm, programs, task, widget
from gptjt_demo.templates.formats.names import slug, stem
from gptjt_demo.templates.template import Template

_FIELD = re.compile(r"^([A-Za-z_][\w-]*):(?=[ \t\r\n]|\Z)", re.MULTILINE)
_CUE_AT_END = re.compile(r"^\S[^\n]*:\s*\Z", re.MULTILINE)


def read(text: str, where: str = "") -> list[Template]:
    """The templates in a text; each holds its query.

    Args:
        text: a link, the page's history as JSON, a program that was exported, a model card or its widget, an llm
            template, a template's YAML, or a raw prompt.
        where: the file's name, for messages; also names a template that has no name of its own.

    Raises:
        LinkError: it is a link that does not open.
        TemplateError: it is one of the others, with a mistake; says where.
    """
    if link.is_link(text):
        template, query = link.from_fragment(text)
        return [template.revised(query=query)]
    if kept.is_kept(text, where):
        return kept.read(text, where)
    if programs.is_program(text):
        template = programs.read(text, where)
        return [_titled(template, where) if template.name == "pasted-prompt" else template]
    if widget.is_card(text):
        return widget.read(text, where)
    fields = [] if _CUE_AT_END.search(text.rstrip()) else _FIELD.findall(text)
    if fields and fields[0] in llm.FIELDS and set(fields) & set(llm.TEXTS):
        return [llm.read(text, where)]
    if task.is_task(fields):
        return [task.read(text, where)]
    if len(set(fields) & set(Template.model_fields)) > 1:
        return [Template.from_yaml(text, where)]
    template, _ = Template.parse(text)
    return [_titled(template, where)]


def _titled(template: Template, where: str) -> Template:
    """The template, named after its file."""
    title = stem(where)
    return template.revised(name=slug(title), title=title) if title else template


def load(source: str) -> list[Template]:
    """The templates behind a word of the command line.

    Args:
        source: a link, a file's path, or `-` for standard input.

    Raises:
        LinkError, TemplateError: as `read`; or there is no such file.
    """
    if link.is_link(source):
        return read(source)
    if source == "-":  # bytes, because what a pipe carries is UTF-8 wherever the terminal is not
        content = sys.stdin.buffer.read(yaml_text.MAX_BYTES + 1)
        return read(yaml_text.decode(content, where="standard input"))
    most = kept.MAX_CHARACTERS if source.lower().endswith(".json") else yaml_text.MAX_BYTES
    return read(yaml_text.read_file(source, most), source)


def save(templates: Sequence[Template], directory: Path) -> list[Path]:
    """Write each template into its own file, named after it; nothing that is there is replaced.

    Raises:
        TemplateError: one of the files is there already, or the directory cannot be written; none is written then.
    """
    paths = [directory / f"{template.name}.yaml" for template in templates]
    for path in paths:
        if path.exists():
            raise TemplateError("the file is there already", where=str(path), mend="move it, or choose another folder")
    texts = [template.to_yaml() for template in templates]
    try:
        directory.mkdir(parents=True, exist_ok=True)
        for path, text in zip(paths, texts, strict=True):
            path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise TemplateError(
            f"cannot be written ({error.strerror})", where=str(directory), mend="choose another"
        ) from None
    return paths
