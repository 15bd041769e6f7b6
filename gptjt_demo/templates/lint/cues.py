"""Advice about cues: none where the answer begins, and rows whose cue is spelled in another way than the others'.

In: a template and a query, as they were typed or read from a pasted prompt. Out: findings; the mend spells all cues
alike and reads the prompt again. Only cues that end in a colon are looked for in texts.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping

from gptjt_demo.errors import TemplateError
from gptjt_demo.templates.lint.finding import Finding, mended
from gptjt_demo.templates.prompt_text import BLANKS, complete_cue
from gptjt_demo.templates.template import PROMPT_FIELDS, Template

_CUE_LIKE = re.compile(r"^[ \t]*([^\W\d_][^\n:]{0,40}?)[ \t]*:(?=\s|\Z)", re.MULTILINE)


def final_cue(template: Template) -> Iterator[Finding]:
    """The prompt does not end with a cue."""
    if complete_cue(template.output_cue).strip():
        return
    message = "nothing marks where the answer begins, so the model may continue the input"
    gap = template.field_separator if template.field_separator.strip(BLANKS) else "\n"
    changes = {"output_cue": "Output", "field_separator": gap}
    yield mended("no-final-cue", "output_cue", message, "End with Output:", template, **changes)


def cues(template: Template, query: Mapping[str, str]) -> Iterator[Finding]:
    """A cue within a text, so that a row was not read as one. One finding at most: its mend spells all cues alike."""
    spelled = _spellings(template, query)
    usual = {word: counted.most_common(1)[0][0] for word, counted in spelled.items()}
    inside: Finding | None = None
    for where, typed in _found(template, query):
        word = _word(typed)
        if word not in usual or (where == "instruction" and typed == usual[word]):
            continue
        if typed != usual[word]:
            message = f"{typed!r} is written {usual[word]!r} elsewhere, so a row may not be read as one"
            yield _with_mend("cue-differs", where, message, template, query, usual)
            return
        if inside is None and where.startswith(("examples", "query")) and word in map(_word, _own(template).values()):
            inside = _with_mend(
                "cue-inside", where, f"{typed!r} within a text begins a new field", template, query, usual
            )
    if inside:
        yield inside


def _spellings(template: Template, query: Mapping[str, str]) -> dict[str, Counter[str]]:
    """How often each cue is spelled in which way."""
    own = _own(template)
    spelled = {_word(cue): Counter({cue: len(template.examples) + 1}) for cue in own.values()}
    found = list(_found(template, query))
    if not template.inputs[0].cue:  # read from rows that have no cue in common: what their inputs begin with is it
        first = template.inputs[0].name
        texts = [*(row.inputs[first] for row in template.examples), query[first]]
        starts = [match[0] for text in texts if (match := _CUE_LIKE.match(text))]
        words = Counter(map(_word, starts)).most_common(1)
        if words and words[0][1] > 1:
            spelled.setdefault(words[0][0], Counter())
    for where, typed in found:
        if where not in own and _word(typed) in spelled:
            spelled[_word(typed)][typed] += 1
    return spelled


def _own(template: Template) -> dict[str, str]:
    """The template's own cues that end in a colon, by their places."""
    cues = {f"inputs[{i}].cue": item.cue for i, item in enumerate(template.inputs)} | {
        "output_cue": template.output_cue
    }
    complete = {where: complete_cue(cue).rstrip() for where, cue in cues.items()}
    return {where: cue for where, cue in complete.items() if cue.endswith(":")}


def _found(template: Template, query: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Place and spelling of everything that may be a cue: the template's own, then what begins a line of a text."""
    yield from _own(template).items()
    texts = [("instruction", template.instruction)]
    for i, row in enumerate(template.examples):
        texts += [(f"examples[{i}].{item.name}", row.inputs[item.name]) for item in template.inputs]
        texts.append((f"examples[{i}].output", row.output))
    texts += [(f"query.{item.name}", query[item.name]) for item in template.inputs]
    for where, text in texts:
        yield from ((where, match[0]) for match in _CUE_LIKE.finditer(text))


def _with_mend(
    rule: str, where: str, message: str, template: Template, query: Mapping[str, str], usual: Mapping[str, str]
) -> Finding:
    if template.nearest_examples is not None:  # a prompt shows some of the examples, and the others would be lost
        return Finding(rule, where, message)
    text = _CUE_LIKE.sub(lambda match: usual.get(_word(match[0]), match[0]), template.render(query))
    try:
        read, asked = Template.parse(text)
        gained = len(read.examples) - len(template.examples)
        if not read.inputs[0].cue or gained < 0 or (gained == 0 and template.inputs[0].cue):
            return Finding(rule, where, message)
        structure = {field: getattr(read, field) for field in PROMPT_FIELDS}
        same = [item.name for item in read.inputs] == [item.name for item in template.inputs]
        checks = template.checks if same else ()
        fixed = template.revised(**structure, query=asked, checks=checks)
    except TemplateError:
        return Finding(rule, where, message)
    return Finding(rule, where, message, "Write every cue alike", fixed, asked)


def _word(cue: str) -> str:
    """`Input:` and ` input :` are one word."""
    return " ".join(cue.strip().removesuffix(":").casefold().split())
