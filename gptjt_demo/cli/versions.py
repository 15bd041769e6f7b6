"""The commands over a template's versions: save, history, diff, restore; and the figures that evaluate keeps there.

A history stands beside the template's file, in a folder of the user's own. Knows nothing of how it is written.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gptjt_demo.cli.options import JsonOption, PromptsOption, TemplateArgument, open_library
from gptjt_demo.cli.output import print_json, say, tell
from gptjt_demo.errors import TemplateError

if TYPE_CHECKING:
    from gptjt_demo.evaluation.run import Run
    from gptjt_demo.templates.template import Template
    from gptjt_demo.templates.versions.difference import Change
    from gptjt_demo.templates.versions.history import History, Version

Side = Annotated[str, typer.Argument(help="A template's name or file, or NAME@3 for a version of it.")]
_SHOWN = 400  # lines of one change


def save_template(
    name: TemplateArgument,
    note: Annotated[str, typer.Option(help="Why, in a line.")] = "",
    prompts: PromptsOption = None,
) -> None:
    """Keep a template's file, as it is now, as a version in the history beside it."""
    from gptjt_demo.templates.template import Template
    from gptjt_demo.templates.versions.history import History, keep

    file = open_library(prompts).file(name)
    Template.load(file)  # what is not valid is no version to come back to
    before = History.of(file).newest
    version, new = keep(file, note)
    if not new:
        print(f"nothing has changed since version {version.number}")
        return
    print(f"version {version.number}: {_since(before, version)}")


def show_history(name: TemplateArgument, prompts: PromptsOption = None, json_: JsonOption = False) -> None:
    """List a template's versions, the newest first: when, what changed, and what was measured with each."""
    from gptjt_demo.templates import yaml_text
    from gptjt_demo.templates.versions.history import History

    file = open_library(prompts).file(name)
    history = History.of(file)
    if json_:
        print_json({"file": str(file), "damaged": history.damaged, "versions": _told(history)})
        return
    if not history.versions:
        yaml_text.read_file(str(file))  # without it there is nothing to keep
        say(f"{file}: no version has been kept yet; templates save {name} keeps the first")
    if history.damaged:
        say(f"{history.path}: {history.damaged} damaged line{'s are' if history.damaged > 1 else ' is'} left out")
    if (changed := _unkept(file, history)) is not None:
        print(f"not kept yet: {changed}")
    for each in _told(history):
        note = f" ({each['note']})" if each["note"] else ""
        print(f"version {each['number']}, {each['time'][:16].replace('T', ' ')}{note}: {each['summary']}")
        for figures in each["measured"]:
            print(f"  {figures['sentence']}")


def diff_templates(first: Side, second: Side, prompts: PromptsOption = None, json_: JsonOption = False) -> None:
    """Say what changed from one template or version to another, field by field, with before and after."""
    from gptjt_demo.templates.versions.difference import differences, summary

    library = open_library(prompts)
    changes = differences(library.load(first), library.load(second))
    if json_:
        print_json({"summary": summary(changes), "changes": [_plain(change) for change in changes]})
        return
    print(summary(changes))
    for change in changes:
        print("", f"{change.field}: {change.words}", *_lines(change), sep="\n")


def restore_template(
    name: TemplateArgument,
    number: Annotated[int, typer.Argument(metavar="N", help="The version, as history numbers it.", min=1)],
    prompts: PromptsOption = None,
) -> None:
    """Put a version back into the template's file; what is there now is kept as a version first."""
    from gptjt_demo.templates.versions.history import restore

    file = open_library(prompts).file(name)
    version = restore(file, number)
    print(f"{file} is version {number} again, and that is now version {version.number}")


def keep_figures(measured: Sequence[tuple[str, Run]], prompts: list[Path] | None) -> None:
    """Keep each run's figures in the history of its template, and the file as it is, if that is no version yet.

    A shipped template has no history, and of a file that is named by its path one has to be begun by `templates save`.
    What cannot be written is a line: the figures have been printed.

    Args:
        measured: what was asked for, as it was typed, and the run.
        prompts: the user's folders.
    """
    from gptjt_demo.evaluation.measured import measured_of
    from gptjt_demo.templates.libraries import parted
    from gptjt_demo.templates.template import Template, is_name
    from gptjt_demo.templates.versions.history import history_file, keep, record
    from gptjt_demo.templates.versions.measured import prompt_key

    library = open_library(prompts)
    for name, run in measured:
        base, number = parted(name)
        try:
            file = library.file(base)
        except TemplateError:
            continue  # a shipped one
        if not run.finished or (not is_name(base) and not history_file(file).exists()):
            continue
        try:
            if number is None and prompt_key(Template.load(file)) == run.key:  # else it was edited meanwhile
                keep(file, "measured")
            record(file, [measured_of(run)])
        except TemplateError as error:
            tell(f"note: the figures are not kept: {error}")
        else:
            tell(f"kept in {history_file(file)}")


def begin_histories(source: str, templates: Sequence[Template], files: Sequence[Path]) -> None:
    """The versions and figures that came with templates from the page's history, in a history beside each file.

    Args:
        source: the file that Download JSON wrote.
        templates, files: what was read of it, and where each was written.
    """
    from gptjt_demo.templates import yaml_text
    from gptjt_demo.templates.formats import kept
    from gptjt_demo.templates.versions.history import begin, history_file

    text = yaml_text.read_file(source, kept.MAX_CHARACTERS)
    for file, (versions, figures) in zip(files, kept.pasts(text, templates), strict=True):
        if len(versions) > 1 or figures:
            begin(file, versions, figures)
            print(history_file(file))


def _told(history: History) -> list[dict[str, Any]]:
    """The versions as plain data, the newest first."""
    told = []
    for before, version in zip([None, *history.versions], history.versions, strict=False):
        template = _valid(version)
        figures = history.figures(template) if template is not None else []
        told.append(
            {
                "number": version.number,
                "time": version.time,
                "note": version.note,
                "summary": _since(before, version),
                "measured": [{**each.model_dump(mode="json"), "sentence": each.sentence} for each in figures],
            }
        )
    return told[::-1]


def _since(before: Version | None, version: Version) -> str:
    """What changed from one version to the next, in a line."""
    from gptjt_demo.templates.versions.difference import differences, summary

    new, old = _valid(version), None if before is None else _valid(before)
    if new is None:
        return "not valid"
    if before is None:
        return "the first that is kept"
    if old is None:
        return "valid again"
    return summary(changes) if (changes := differences(old, new)) else "only comments or the layout of the file"


def _valid(version: Version) -> Template | None:
    try:
        return version.template()
    except TemplateError:
        return None


def _unkept(file: Path, history: History) -> str | None:
    """What the file has that its newest version has not, in a line; None where it is that version."""
    from gptjt_demo.templates import yaml_text
    from gptjt_demo.templates.versions.history import Version

    if not history.versions or not file.exists():
        return None
    newest, text = history.versions[-1], yaml_text.read_file(str(file))
    return None if text == newest.text else _since(newest, Version(newest.number + 1, "", text))


def _plain(change: Change) -> dict[str, str]:
    return {"field": change.field, "words": change.words, "before": change.before, "after": change.after}


def _lines(change: Change) -> list[str]:
    from gptjt_demo.templates.versions.difference import marked

    lines = [f"{mark} {line}".rstrip() for mark, line in marked(change)]
    more = len(lines) - _SHOWN
    return lines if more <= 0 else [*lines[:_SHOWN], f"… and {more:,} more lines; --json has all of them"]
