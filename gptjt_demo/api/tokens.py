"""A model's tokenizer for programs that reckon with tokens: `/tokenizer_info`, `/tokenize`, `/detokenize`, at the root.

lm-evaluation-harness asks for them; the shapes are vLLM's. In: a request's fields. Out: the answers. Text is only text,
but the name of a control token by itself is that token: so a program finds its id.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gptjt_demo.api.body import Fields
from gptjt_demo.api.names import mode
from gptjt_demo.errors import PromptError

if TYPE_CHECKING:
    from gptjt_demo.engine.protocol import Answers


def info(engine: Answers) -> dict[str, Any]:
    """What is known of the tokenizer."""
    control = engine.control
    end = control.name(control.end)
    return {
        "tokenizer_class": "gptjt-demo",
        "model": engine.name,
        "model_max_length": engine.context,
        "bos_token": control.name(control.start),
        "eos_token": end,
        "pad_token": end,
        "additional_special_tokens": list(control.ids),
        "add_bos_token": False,
        "add_eos_token": False,
        "chat_template": None,
    }


def tokenize(fields: Fields, engine: Answers) -> dict[str, Any]:
    """A text's tokens; nothing is put before or behind them, whatever `add_special_tokens` says."""
    mode(engine, fields.text("model"))
    text = fields.text("prompt")
    if text is None:
        raise PromptError("it is missing", where="prompt", mend="give text")
    ids = [engine.control.ids[text]] if text in engine.control.ids else engine.encode(text)
    names = [engine.decode([id]) for id in ids] if fields.truth("return_token_strs") else None
    return {"count": len(ids), "max_model_len": engine.context, "tokens": ids, "token_strs": names}


def detokenize(fields: Fields, engine: Answers) -> dict[str, Any]:
    """The text of tokens."""
    mode(engine, fields.text("model"))
    return {"prompt": engine.decode(fields.raw("tokens"))}
