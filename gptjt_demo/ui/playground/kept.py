"""What a visitor keeps in their own browser: templates of their own and their last runs; the server stores nothing.

The panel is a gr.HTML that kept.js draws from the browser's storage, under a key that does not change with the app's
restarts. Its value is the newest thing to keep; its `click` asks for the prompt on the page, and its `select` opens a
kept thing. Read one as one reads a link: a browser may send anything.
"""

from __future__ import annotations

import re
import secrets
from typing import Any

import gradio as gr

from gptjt_demo.errors import PlaygroundError, TemplateError
from gptjt_demo.templates.template import Template
from gptjt_demo.ui import static

_PANEL = """
<details class="kept fold">
  <summary>History</summary>
  <div class="kept-tools">
    <input type="search" class="kept-search" placeholder="Search" aria-label="Search your history">
    <input type="text" class="kept-name" maxlength="100" placeholder="Name" aria-label="Name for this prompt">
    <button type="button" class="quiet kept-keep">Save this prompt</button>
    <button type="button" class="quiet kept-download">Download JSON</button>
  </div>
  <p class="hint kept-none" role="status"></p>
  <ul class="kept-list" aria-label="History, kept in this browser"></ul>
</details>
"""


def kept_panel() -> gr.HTML:
    """The panel."""
    return gr.HTML(
        None,
        html_template=_PANEL,
        js_on_load=static.read("kept.js"),
        apply_default_css=False,
        elem_id="kept",
    )


def template_record(template: Template, asked: Any = None) -> dict[str, Any]:
    """A template to keep, under the name that `asked` gives it.

    Args:
        template: what to keep.
        asked: {name}, as a browser sends it; a blank name leaves the template's own.
    """
    name = asked.get("name") if isinstance(asked, dict) else None
    title = " ".join(name.split())[:100] if isinstance(name, str) else ""
    if title:
        slug = re.sub(r"[^a-z0-9]+", "-", title.lower())[:64].strip("-") or "my-prompt"
        template = template.revised(title=title, name=slug)
    dumped = template.model_dump(mode="json", exclude_defaults=True, exclude_none=True)
    return {"kind": "template", "nonce": secrets.token_hex(8), "title": template.title, "template": dumped}


def read_record(data: Any) -> Template:
    """The template of something kept, with the seed of the run if it was one.

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
    except PlaygroundError as error:
        raise TemplateError(f"made by another version: {error}", where="kept", mend="delete it") from None
    return template
