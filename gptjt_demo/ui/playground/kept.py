"""What a visitor keeps in their own browser: templates of their own with their versions, what was measured with each,
and their last runs; the server stores nothing.

The panel is a gr.HTML that kept.js draws from the browser's storage, under a key that does not change with the app's
restarts. Its value is the newest thing to keep or to show; its `click` asks for the prompt on the page, its `select`
opens a kept thing, its `submit` asks what changed between versions, its `apply` measures against one. Read one as one
reads a link: a browser may send anything.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Any

import gradio as gr

from gptjt_demo.engine.results import Alternative, Token
from gptjt_demo.errors import PlaygroundError, TemplateError
from gptjt_demo.templates.template import Template
from gptjt_demo.templates.versions.measured import prompt_key
from gptjt_demo.ui import static
from gptjt_demo.ui.playground.identity import slug

_PANEL = """
<details class="kept fold">
  <summary>History</summary>
  <div class="kept-tools">
    <input type="search" class="kept-search" placeholder="Search" aria-label="Search your history">
    <input type="text" class="kept-name" maxlength="100" placeholder="Name" aria-label="Name for this prompt">
    <button type="button" class="quiet kept-keep">Save this prompt</button>
    <button type="button" class="quiet kept-download">Download JSON</button>
    <button type="button" class="quiet kept-read">Read in JSON…</button>
  </div>
  <p class="hint kept-none" role="status"></p>
  <p class="kept-undo" hidden><button type="button" class="quiet">Undo the deletion</button></p>
  <ul class="kept-list" aria-label="History, kept in this browser"></ul>
</details>
"""


def kept_panel() -> gr.HTML:
    """The panel."""
    return gr.HTML(
        None,
        html_template=_PANEL,
        js_on_load=static.read("kept_things.js") + static.read("kept.js"),
        apply_default_css=False,
        elem_id="kept",
    )


@dataclass(frozen=True)
class Repeat:
    """How a kept run is done again.

    Attributes:
        compare: with both kinds of attention.
        leads: for each answer, the tokens that it continued from.
        note: what cannot be as it was, in a sentence; empty where all can.
    """

    compare: bool = False
    leads: tuple[tuple[Token, ...], ...] = ()
    note: str = ""


def refusal(line: str) -> dict[str, Any]:
    """What the panel is given where there is nothing to keep: the line that says why."""
    return {"nonce": secrets.token_hex(8), "problem": line}


def template_record(template: Template, asked: Any = None) -> dict[str, Any]:
    """A template to keep, under the name that `asked` gives it.

    Args:
        template: what to keep.
        asked: {name}, as a browser sends it; a blank name leaves the template's own.
    """
    name = asked.get("name") if isinstance(asked, dict) else None
    title = " ".join(name.split())[:100] if isinstance(name, str) else ""
    if title:
        template = template.revised(title=title, name=slug(title))
    dumped = template.model_dump(mode="json", exclude_defaults=True, exclude_none=True)
    key = prompt_key(template)
    return {"kind": "template", "nonce": secrets.token_hex(8), "title": template.title, "template": dumped, "key": key}


def read_record(data: Any) -> Template:
    """The template of something kept, with the seed of the run if it was one, and its attention if it is repeated.

    Raises:
        TemplateError: there is none in it.
    """
    kept = data.get("template") if isinstance(data, dict) else None
    if not isinstance(kept, dict):
        raise TemplateError("there is no template in it", where="kept", mend="delete it")
    seed = data.get("seed")
    try:
        template = Template.model_validate(kept)
        if isinstance(seed, int):
            template = template.revised(generation={**template.model_dump()["generation"], "seed": seed})
        answers = _answers(data)
        if data.get("again") and len(answers) == 1:
            template = template.revised(attention=answers[0].get("attention"))
    except PlaygroundError as error:
        raise TemplateError(f"made by another version: {error}", where="kept", mend="delete it") from None
    return template


def read_repeat(data: Any, model: str) -> Repeat | None:
    """How the run is done again; None where it is only to be opened.

    Args:
        data: something kept, as a browser sends it, with `again` where it is to be run.
        model: the one that answers now.

    Raises:
        TemplateError: the run's tokens are not such.
    """
    if not isinstance(data, dict) or not data.get("again"):
        return None
    answers = _answers(data)
    then = {answer.get("model") for answer in answers} - {model}
    note = f"It was answered by {min(map(str, then))}; this is {model}." if then else ""
    try:
        leads = () if then else tuple(tuple(map(_token, answer.get("lead") or ())) for answer in answers)
    except (AttributeError, KeyError, TypeError, ValueError):
        raise TemplateError("its tokens cannot be read", where="kept", mend="open it instead") from None
    return Repeat(len(answers) == 2, leads, note)


def _answers(data: dict[str, Any]) -> list[dict[str, Any]]:
    answers = data.get("answers")
    return [answer for answer in answers if isinstance(answer, dict)] if isinstance(answers, list) else []


def _token(data: dict[str, Any]) -> Token:
    others = tuple(Alternative(*_choice(other)) for other in data.get("alternatives") or ())
    id, text, logprob = _choice(data)
    return Token(id, text, str(data["raw"]), logprob, others)


def _choice(data: dict[str, Any]) -> tuple[int, str, float]:
    return int(data["id"]), str(data["text"]), float(data["logprob"])
