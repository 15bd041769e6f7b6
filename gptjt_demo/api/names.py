"""Under which ids a model is asked: its name, its name with a mode, and one for programs that tell models by their ids.

`mini` answers in the model's own mode, `mini:prefix` and `mini:causal` in that one. ChainForge asks for completions
where an id has `instruct` or `davinci` in it, and for chat otherwise: so `mini:instruct` is `mini`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gptjt_demo.api.refusal import UnknownModel
from gptjt_demo.settings import Attention

if TYPE_CHECKING:
    from gptjt_demo.engine.protocol import Answers

ALIAS = "instruct"


def modes(engine: Answers) -> dict[str, Attention]:
    """Every id of a model, with the mode that it is answered in."""
    name, own = engine.name, engine.resolve(None)
    found: dict[str, Attention] = {name: own}
    if engine.supports_prefix:
        found[f"{name}:prefix"] = "prefix"
    return found | {f"{name}:causal": "causal", f"{name}:{ALIAS}": own}


def mode(engine: Answers, id: str | None) -> Attention:
    """The mode that a model is asked in by this id.

    Raises:
        UnknownModel: it is none of its ids.
    """
    known = modes(engine)
    if id is None:
        return known[engine.name]
    if id not in known:
        raise UnknownModel(f"there is no {id!r} here", where="model", mend=f"use one of {', '.join(known)}")
    return known[id]


def signature(engine: Answers, attention: Attention) -> str:
    """What an answer is signed with: the model and the mode it was given in."""
    return f"{engine.name}:{attention}"
