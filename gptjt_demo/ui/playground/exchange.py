"""Handing prompts on: the link, and other tools' formats in and out, as gradio components and their handlers.

In: the playground's controls, a link, pasted text. Out: a fragment, a text to copy or download, or an opened template.
Nothing goes to a file on the server: files are read and written by the browser, by exchange.js.
"""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import Any, Protocol

import gradio as gr

from gptjt_demo.errors import PlaygroundError
from gptjt_demo.templates import formats
from gptjt_demo.templates import link as links
from gptjt_demo.templates.formats.formats import ADDRESS
from gptjt_demo.templates.template import Template
from gptjt_demo.ui import static
from gptjt_demo.ui.html import problem
from gptjt_demo.ui.playground.actions import Actions
from gptjt_demo.ui.playground.controls import Controls, Page, unchanged
from gptjt_demo.ui.playground.draft_box import TELL_PICKING
from gptjt_demo.ui.playground.opening import Opening
from gptjt_demo.ui.playground.outcome import version
from gptjt_demo.ui.session import session


class Landing(Protocol):
    """Puts what an event's handler opened into the controls, as the event's next step, and gives that step.

    `told` where page.js knows from the event's beginning that something is being opened.
    """

    def __call__(self, event: Any, told: bool = True) -> Any: ...


COPIED = "Link copied. It holds the prompt with all its rows and settings; nothing is stored on a server."
TO_COPY = "Copy the link from the field. It holds the prompt with all its rows and settings."


def _said(line: str, name: str = "") -> str:
    return f'<p class="note {name}" role="status">{line}</p>'


_ARRIVED = "(_, ...values) => [location.hash, ...values]"

_UPLOAD = """async (text) => {
  const found = await gptjt.upload(".yaml,.yml,.md,.txt,.json,text/*");
  gptjt.taken = typeof found === "string";
  if (found === null) return [text, ""];
  if (typeof found === "string") return [found, ""];
  const line = document.createElement("p");
  line.textContent = found.message;
  return ["", `<p class="problem" role="alert">${line.innerHTML}</p>`];
}"""

# Without a file there is nothing to open.
_TAKEN = "(text, ...values) => [gptjt.taken ? text : null, ...values]"

# What was done with the exported text is said beside the buttons; which file it is for, beside the format.
_DOWNLOAD = """(text) => {
  const name = document.querySelector("#format-about [data-file]")?.dataset.file;
  if (!text || !name) return `<p class="problem" role="alert">There is no text to download.</p>`;
  gptjt.download(name, text);
  return `<p class="settled" role="status">Saved as ${name}.</p>`;
}"""
_COPY = """async (text) => {
  if (!text) return `<p class="problem" role="alert">There is no text to copy.</p>`;
  return (await gptjt.copy(text))
    ? `<p class="settled" role="status">Copied.</p>`
    : `<p class="problem" role="alert">This browser does not let the page copy: select the text and copy it.</p>`;
}"""

COPY_LINK = f"""async (fragment, said_before) => {{
  if (!fragment) return [fragment, said_before];
  const link = location.origin + location.pathname + fragment;
  return [link, (await gptjt.copy(link)) ? {_said(COPIED)!r} : {_said(TO_COPY, "to-copy")!r}];
}}"""


@dataclass(frozen=True)
class Exchange:
    """The components. `doorway` tells of a link that the page was opened with, now or while it was open already."""

    fold: gr.Accordion
    doorway: gr.HTML
    pasted: gr.Textbox
    take: gr.Button
    upload: gr.Button
    found: gr.Dropdown
    taken: gr.State
    said: gr.HTML
    form: gr.Dropdown
    about: gr.HTML
    written: gr.Textbox
    again: gr.Button
    copy: gr.Button
    download: gr.Button
    done: gr.HTML


def exchange() -> Exchange:
    """Build the fold with import and export."""
    doorway = gr.HTML(
        "",
        html_template="<span hidden></span>",
        js_on_load=static.read("doorway.js"),
        elem_id="doorway",
        apply_default_css=False,
    )
    with gr.Accordion("Import and export", open=False, elem_id="exchange") as fold:
        pasted = gr.Textbox(
            label="Import",
            info="Paste a link, a YAML file, anything exported here, a model card with a widget block, a simonw/llm "
            "file, or a raw prompt.",
            lines=3,
            max_lines=8,
            elem_id="pasted",
            buttons=[],
        )
        with gr.Row(elem_classes="small-buttons"):
            take = gr.Button("Open prompt", size="sm", scale=0, min_width=90, elem_id="take")
            upload = gr.Button("From a file…", size="sm", scale=0, min_width=110, elem_id="upload")
        found = gr.Dropdown([], label="Prompts found", visible=False, filterable=False, elem_id="found")
        said = gr.HTML("", elem_id="import-said", apply_default_css=False)
        form = gr.Dropdown(
            [(item.title, item.name) for item in formats.FORMATS],
            value=formats.FORMATS[0].name,
            label="Export as",
            filterable=False,
            elem_id="form",
        )
        about = gr.HTML("", elem_id="format-about", apply_default_css=False)
        written = gr.Textbox(
            label="Exported text", lines=6, max_lines=14, interactive=False, elem_id="written", buttons=[]
        )
        with gr.Row(elem_classes="small-buttons"):
            again = gr.Button("Refresh", size="sm", scale=0, min_width=80, elem_id="export-again")
            copy = gr.Button("Copy text", size="sm", scale=0, min_width=90, elem_id="copy-text")
            download = gr.Button("Download", size="sm", scale=0, min_width=90, elem_id="download-text")
        done = gr.HTML("", elem_id="export-done", apply_default_css=False)
    taken = gr.State(())
    return Exchange(
        fold, doorway, pasted, take, upload, found, taken, said, form, about, written, again, copy, download, done
    )


def connect(
    blocks: gr.Blocks,
    parts: Exchange,
    actions: Actions,
    opening: Opening,
    controls: Controls,
    page: Page,
    landing: Landing,
) -> None:
    """Wire the fold.

    Args:
        blocks: the page, whose address may hold a link.
        parts: its components.
        actions: what the page does.
        opening: opens what is imported.
        controls: hold the prompt.
        page: what `opening` fills.
        landing: puts what was opened into the controls.
    """

    def from_link(request: gr.Request, fragment: Any, *values: Any) -> tuple[Any, ...]:
        return linked(opening, session(request), fragment, Controls(*values)).flat()

    def take(request: gr.Request, text: str | None, *values: Any) -> tuple[Any, ...]:
        if text is None:
            return (*unchanged().flat(), gr.skip(), gr.skip(), gr.skip())
        try:
            templates = formats.read(text)
        except PlaygroundError as error:
            return (*unchanged().flat(), (), gr.update(visible=False), problem(str(error)))
        names = [(template.title, index) for index, template in enumerate(templates)]
        more = gr.update(choices=names, value=0, visible=len(names) > 1)
        note = f"“{templates[0].title}” was imported." + (f" {len(names)} were found." if len(names) > 1 else "")
        shown = opening.opened(session(request), templates[0], "", Controls(*values))
        return (*shown.flat(), tuple(templates), more, _said(escape(note)))

    def choose(request: gr.Request, index: int, templates: Any, *values: Any) -> tuple[Any, ...]:
        template: Template = templates[index]
        shown = opening.opened(session(request), template, "", Controls(*values))
        return (*shown.flat(), _said(escape(f"“{template.title}” was imported.")))

    def write(request: gr.Request, form: str, *values: Any) -> tuple[str, str, str]:
        address = (request.headers.get("referer") or ADDRESS).partition("?")[0].partition("#")[0]
        return (*exported(actions, form, address, Controls(*values)), "")

    quiet: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private", "queue": False}
    taken = [*page.flat(), parts.taken, parts.found, parts.said]
    arrived = [parts.doorway.input, blocks.load]
    for event in arrived:
        landing(event(from_link, [parts.doorway, *controls], page.flat(), js=_ARRIVED, **quiet), told=False)
    landing(parts.take.click(take, [parts.pasted, *controls], taken, **quiet), told=False)
    landing(
        parts.upload.click(None, parts.pasted, [parts.pasted, parts.said], js=_UPLOAD, **quiet).then(
            take, [parts.pasted, *controls], taken, js=_TAKEN, **quiet
        ),
        told=False,
    )
    chosen = [parts.found, parts.taken, *controls]
    landing(parts.found.select(choose, chosen, [*page.flat(), parts.said], js=TELL_PICKING, **quiet))
    written = [parts.written, parts.about, parts.done]
    gr.on([parts.form.input, parts.fold.expand, parts.again.click], write, [parts.form, *controls], written, **quiet)
    parts.copy.click(None, parts.written, parts.done, js=_COPY, **quiet)
    parts.download.click(None, parts.written, parts.done, js=_DOWNLOAD, **quiet)


def link(actions: Actions, held: Controls) -> tuple[str, str]:
    """The fragment of a link to what the controls hold, or why there is none."""
    try:
        fragment = links.to_fragment(actions.whole(held))
    except PlaygroundError as error:
        return "", problem(str(error))
    return fragment, ""


def linked(opening: Opening, session: str, fragment: Any, before: Controls) -> Page:
    """Open a link's template; an address that ends in something else changes nothing, and says so."""
    if not isinstance(fragment, str) or fragment in ("", "#"):
        return opening.refused("")
    if not links.is_link(fragment):
        shown = fragment if len(fragment) <= 40 else f"{fragment[:40]}…"
        return opening.refused(f"the address ends in {shown}, which is no prompt of this page; nothing was opened")
    try:
        template, query = links.from_fragment(fragment)
    except PlaygroundError as error:
        return opening.refused(str(error))
    note = f"“{template.title}” came from a link. Read it before you run it."
    return opening.opened(session, template.revised(query=query), note, before)


def exported(actions: Actions, form: str, address: str, held: Controls) -> tuple[str, str]:
    """What the controls hold in a format, and the line that says what the format is or why there is no text.

    The line carries the file's name, and the prompt's version: page.js says when the prompt is another by now.
    """
    about, ending = next(((item.description, item.ending) for item in formats.FORMATS if item.name == form), ("", ""))
    try:
        template = actions.whole(held)
        text = formats.export(template, form, address=address, model=actions.engine.name)
    except PlaygroundError as error:
        return "", problem(str(error))
    left_out = formats.left_out(template, form)
    lost = f" {escape(left_out)}" if left_out else ""
    name = template.name if form == formats.FORMATS[0].name else f"{template.name}-{form}"
    return text, (
        f'<p class="hint" data-file="{escape(name + ending)}" data-version="{version(template)}">{about}{lost}</p>'
        '<p class="outdated" role="status" hidden>The prompt has changed since this text was made. '
        "Press Refresh for the new one.</p>"
    )
