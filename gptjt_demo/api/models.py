"""`GET /v1/models` and `GET /v1/models/{id}`: the model under each of its ids."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gptjt_demo.api.names import mode, modes

if TYPE_CHECKING:
    from gptjt_demo.engine.protocol import Answers

OWNER = "gptjt-demo"


def listed(engine: Answers, created: int) -> dict[str, Any]:
    """All ids."""
    return {"object": "list", "data": [one(engine, id, created) for id in modes(engine)]}


def one(engine: Answers, id: str, created: int) -> dict[str, Any]:
    """What stands behind an id.

    Args:
        engine: the model.
        id: one of its ids.
        created: when it was first served, in seconds since 1970.

    Raises:
        UnknownModel: it is none of them.
    """
    return {
        "id": id,
        "object": "model",
        "created": created,
        "owned_by": OWNER,
        "root": engine.name,
        "attention": mode(engine, id),
        "max_model_len": engine.context,
        "stand_in": engine.stand_in,
    }
