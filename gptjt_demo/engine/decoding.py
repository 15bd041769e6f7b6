"""The decoding loop: prefill, then a step at a time until every answer of a batch has ended.

In: answers that have not begun. Out: their tokens as they settle. A step gives each answer one token; an answer by
itself that has a drafter has its draft checked in the same pass, and takes as many tokens as held and one more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from gptjt_demo.engine.answer import Answer
from gptjt_demo.engine.batching import Reader
from gptjt_demo.engine.masks import pad
from gptjt_demo.engine.results import Token
from gptjt_demo.engine.steps import Interrupted, State
from gptjt_demo.settings import Attention


def decode(
    reader: Reader, answers: list[Answer], mode: Attention, flag: Callable[[], bool], header: State | None = None
) -> Iterator[tuple[Answer, Token]]:
    """Answer a batch of prompts. Ended answers leave it.

    Args:
        reader: the model.
        answers: one or more, of one detail, all with a continuation or none; one that is echoed is alone.
        mode: in which the prompts are read.
        flag: ends the loop: within a layer of the prefill, or a token.
        header: what all the prompts begin with, already read.
    """
    for answer in answers:
        answer.start()
    try:
        state = _read(reader, answers, mode, flag, header)
        if answers[0].continuation:
            state = reader.lm.extend(state, *pad([answer.continuation for answer in answers]), cancelled=flag)
            answers[0].passes += 1
        draft: list[int] = []
        logits = state.logits.unsqueeze(1)  # (answers, 1 + drafted, vocabulary)
        while True:
            wrong = 0
            logprobs = reader.logprobs(logits)
            choices = zip(logprobs, logprobs.argmax(-1).tolist(), _best(logprobs, answers[0].alternatives), strict=True)
            for answer, rows in zip(answers, choices, strict=True):
                answer.passes += 1
                held = 0
                for *row, guess in zip(*rows, [*draft, None], strict=True):
                    answer.take(*row)
                    yield from ((answer, token) for token in answer.settled())
                    if answer.stop_reason is not None or answer.last != guess:
                        break
                    held += 1
                    if flag():
                        raise Interrupted
                wrong = len(draft) - held
                if answer.drafter is not None and draft:
                    answer.drafter.settle(len(draft), held)
            going = [k for k, answer in enumerate(answers) if answer.stop_reason is None]
            if not going:
                return
            state = state.crop(wrong)
            if len(going) < len(answers):
                answers, state = [answers[k] for k in going], state.select(going)
            if flag():
                raise Interrupted
            draft = answers[0].draft() if len(answers) == 1 else []
            if draft:
                state, checked = reader.lm.check(state, [answers[0].last, *draft], flag)
                logits = checked.unsqueeze(0)
            else:
                last = torch.tensor([[answer.last] for answer in answers])  # (answers, 1)
                state = reader.lm.extend(state, last, cancelled=flag)
                logits = state.logits.unsqueeze(1)
    except Interrupted:
        for answer in answers:
            answer.end("cancelled")
            yield from ((answer, token) for token in answer.settled())


def _best(logprobs: Tensor, count: int) -> list[list[list[tuple[int, float]]]]:
    """The likeliest tokens of each row with their log probabilities, for all rows at once: (answers, tokens, count)."""
    found = logprobs.topk(min(count, logprobs.shape[-1]))
    return [
        [list(zip(*row, strict=True)) for row in zip(*each, strict=True)]
        for each in zip(found.indices.tolist(), found.values.tolist(), strict=True)
    ]


def _read(
    reader: Reader, answers: list[Answer], mode: Attention, flag: Callable[[], bool], header: State | None
) -> State:
    """The prompts' state; the prompt of one that is echoed is read aloud."""
    echo = answers[0].echo
    if echo is None:
        return reader.read([answer.prompt_ids for answer in answers], mode, flag, header)
    state: State | None = None
    for state, logprobs in reader.aloud(answers[0].prompt_ids, flag):  # noqa: B007
        echo.take(logprobs)
    assert state is not None
    return state
