"""The prefix-LM objective: who sees whom in a packed sequence, which tokens are predicted, and the loss.

In: a packed sequence and a causal LM. Out: the sum of the negative log likelihoods of its counted tokens. Does not know
optimisers or where samples come from.

A token is predicted from the position before it, so the first answer token comes from the prefix's last position, which
has seen the whole prefix: exactly what the engine does with a prompt. Logits exist only where they count.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from gptjt_demo.engine.masks import additive
from gptjt_demo.errors import ModelError
from gptjt_demo.training import block_attention
from gptjt_demo.training.data.packing import Document, Packed
from gptjt_demo.training.data.sample import Sample

_NOTICED = 1e-5  # relative change of logits that is more than rounding


def mask(documents: tuple[Document, ...]) -> Tensor:
    """Which columns each row of a packed sequence sees.

    Returns:
        bool (1, 1, tokens, tokens): a prefix sees itself in both directions, every other token what comes before it,
        and nobody a document that it may not see.
    """
    tokens = documents[-1].stop
    seen = torch.zeros(tokens, tokens, dtype=torch.bool)
    for document in documents:
        rows = seen[document.start : document.stop]
        rows[:, document.first : document.start] = True
        rows[:, document.start : document.stop] = torch.ones(len(rows), len(rows), dtype=torch.bool).tril()
        rows[: document.split - document.start, document.start : document.split] = True
    return seen[None, None]


def predicting(packed: Packed) -> tuple[Tensor, Tensor]:
    """Where logits count, and what they are to predict.

    Returns:
        bool (1, tokens), True before every counted token; int64 (counted tokens,), those tokens.
    """
    where = packed.counted.roll(-1)  # (tokens,); a sequence's first token is never counted
    return where[None], packed.ids[0, packed.counted]


@dataclass(frozen=True)
class Objective:
    """How a model is given a packed sequence.

    Attributes:
        by_documents: through `block_attention`, which the model then has to use; else through a 4-D mask.
    """

    by_documents: bool

    def logits(self, model: Any, packed: Packed) -> Tensor:
        """The logits that count: float (counted tokens, vocabulary)."""
        where, _ = predicting(packed)
        if self.by_documents:
            more: dict[str, Any] = {"attention_mask": None, "documents": packed.documents}
        else:
            dtype = next(model.parameters()).dtype
            more = {"attention_mask": additive(mask(packed.documents).to(packed.ids.device), dtype)}
        found: Tensor = model(
            input_ids=packed.ids, position_ids=packed.positions, logits_to_keep=where, use_cache=False, **more
        ).logits
        return found

    def loss(self, model: Any, packed: Packed) -> Tensor:
        """Sum over the counted tokens, in nats: float32, a scalar with its gradient."""
        _, wanted = predicting(packed)
        return functional.cross_entropy(self.logits(model, packed).float(), wanted, reduction="sum")


def choose(model: Any, device: torch.device) -> Objective:
    """The way that this model can be trained in: by documents on a CPU where it can, else with a mask.

    The model is asked, not assumed: some families silently ignore a mask, and some attend in ways of their own.

    Raises:
        ModelError: it takes neither, so it would be trained causally.
    """
    dense = Objective(by_documents=False)
    training = model.training
    model.eval()
    own = model.config._attn_implementation
    try:
        _require_mask(model, device)
        if device.type != "cpu" or _drops(model.config) or not getattr(model, "_supports_attention_backend", False):
            return dense
        block_attention.register()
        before = _answers(model, dense, device)
        model.set_attn_implementation(block_attention.NAME)
        blocks = Objective(by_documents=True)
        if not torch.allclose(
            before, _answers(model, blocks, device), rtol=1e-3, atol=1e-3 * float(before.abs().max())
        ):
            model.set_attn_implementation(own)
            return dense
        return blocks
    finally:
        model.train(training)


def _require_mask(model: Any, device: torch.device) -> None:
    """Alter the prefix's last token, and look at what its first position predicts; then the same, causally."""
    where = type(model).__name__
    try:
        changes = []
        for prefix in (8, 1):
            first, second = (
                _first_logits(model, prefix, last, device) for last in (5, model.config.vocab_size // 2 + 5)
            )
            changes.append(float((first - second).abs().max() / first.abs().max().clamp_min(1e-9)))
    except (AttributeError, IndexError, RuntimeError, TypeError, ValueError) as error:
        raise ModelError(f"it does not take a 4-D mask ({type(error).__name__})", where=where, mend=_MEND) from error
    if changes[0] <= _NOTICED or changes[1] > _NOTICED:
        raise ModelError("it does not heed a 4-D mask, so it would be trained causally", where=where, mend=_MEND)


_MEND = "take a model of another family, such as GPT-J or Llama"


def _first_logits(model: Any, prefix: int, last: int, device: torch.device) -> Tensor:
    ids = torch.tensor([[(7 * k + 11) % model.config.vocab_size for k in range(7)] + [last]], device=device)
    seen = additive(mask((Document(0, 0, prefix, 8),)).to(device), next(model.parameters()).dtype)
    with torch.no_grad():
        found: Tensor = model(input_ids=ids, attention_mask=seen, use_cache=False).logits[0, 0].float()
    return found


def _answers(model: Any, objective: Objective, device: torch.device) -> Tensor:
    """Logits after the prefixes of two documents."""
    ids = tuple((7 * k + 11) % model.config.vocab_size for k in range(12))
    samples = [Sample(ids[:n], p, (False,) * p + (True,) * (n - p)) for n, p in ((12, 5), (9, 6))]
    with torch.no_grad():
        return objective.logits(model, Packed.of(samples).to(device)).float()


def _drops(config: Any) -> bool:
    return bool(getattr(config, "attention_dropout", 0) or getattr(config, "attn_pdrop", 0))
