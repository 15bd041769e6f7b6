"""The draft in the browser: it puts what is opened into the controls, keeps what is typed, and offers it again.

The component is a gr.HTML that draft.js runs in; its value is `Opening.held`, its `select` asks for a draft to be
opened. Read one as one reads a link: a browser may send anything.
"""

from __future__ import annotations

from typing import Any, get_args

import gradio as gr

from gptjt_demo.errors import PlaygroundError, TemplateError
from gptjt_demo.settings import Attention
from gptjt_demo.templates.answer_shape import ShapeKind
from gptjt_demo.templates.template import Template
from gptjt_demo.ui import static
from gptjt_demo.ui.playground.controls import Controls
from gptjt_demo.ui.playground.draft import RAW, ROWS

KEEP = "(held, ...values) => { gptjt.keep(held, ...values); }"
# page.js holds a Run that is pressed before the picked template is on the page, and lets it go after.
TELL_PICKING = "(...values) => { document.dispatchEvent(new Event('picking')); return values; }"
LAND = "(held, ...values) => gptjt.land(held, ...values)"
SETTLE = "() => { gptjt.settle(true); }"
SETTLE_UNTOLD = "() => { gptjt.settle(false); }"

_BAR = """
<p class="draft note" role="status" hidden>
  <span></span>
  <button type="button" class="quiet draft-open">Go back to your draft</button>
  <button type="button" class="quiet draft-next" hidden>Another draft</button>
  <button type="button" class="quiet draft-discard">Discard it</button>
</p>
"""
_TEXTS = ("title", "instruction", "labels", "raw", "seed", "stops", "shape_value", "nearest")
_GRIDS = ("examples", "query", "wording")


def draft_box(held: dict[str, Any]) -> gr.HTML:
    """The component; `held` is what the page shows at first."""
    return gr.HTML(
        held,
        html_template=_BAR,
        js_on_load=static.read("draft.js"),
        apply_default_css=False,
        elem_id="draft",
    )


def read_draft(data: Any) -> Controls:
    """What a kept draft's controls held.

    Raises:
        TemplateError: it is damaged, or made by another version.
    """
    data = data if isinstance(data, dict) else {}
    values = data.get("controls")
    if isinstance(values, dict):  # drafts were kept before there were these
        values = {"shape": "none", "shape_value": "", "nearest": "", **values}
    try:
        template = Template.model_validate(data.get("template"))
    except PlaygroundError as error:
        raise TemplateError(f"it cannot be read: {error}", where="draft", mend="discard it") from None
    fits = (
        isinstance(values, dict)
        and set(values) == set(Controls._fields) - {"base"}
        and all(isinstance(values[name], str) for name in _TEXTS)
        and all(isinstance(values[name], dict) for name in _GRIDS)
        and values["view"] in (ROWS, RAW)
        and values["shape"] in get_args(ShapeKind)
        and values["attention"] in get_args(Attention)
    )
    if not fits:
        raise TemplateError("it is not whole, or of another version", where="draft", mend="discard it")
    return Controls(base=template, **values)
