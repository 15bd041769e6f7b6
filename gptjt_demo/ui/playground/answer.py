"""The answer's card as HTML: the streamed text, the run's state, who answered, and what is odd; one answer or two.

In: an `Outcome`. Out: HTML for a gr.HTML value, every text in it escaped. Knows nothing of gradio.
"""

from __future__ import annotations

from difflib import SequenceMatcher
from html import escape

from gptjt_demo.engine.results import Completion
from gptjt_demo.templates.answer_check import match_label
from gptjt_demo.ui.html import problem
from gptjt_demo.ui.playground.outcome import Outcome, Side
from gptjt_demo.ui.playground.reply import Reply
from gptjt_demo.ui.playground.tokens import legend, token_spans

_PLAIN = '<button type="button" class="quiet" id="plain" aria-pressed="false">Plain text</button>'


def idle(model: str) -> str:
    """The card before the first run."""
    return _card("idle", "", f'<p class="hint">Press <b>Run</b>, and the answer of {escape(model)} appears here.</p>')


def refused(line: str) -> str:
    """The card of a run that was not begun, with the one line that says why."""
    return _card("error", "", problem(line))


def answer(outcome: Outcome, *, expected: int = 1, beside: str = "") -> str:
    """The card of a run, while it runs and when it is done.

    Args:
        outcome: with at least one side.
        expected: how many sides there will be.
        beside: whom it shares the model with, said as long as it runs.
    """
    sides = outcome.sides
    both = max(expected, len(sides)) > 1
    differing = _differing(sides) if both and outcome.done else [set() for _ in sides]
    bodies = [
        _body(outcome, index, side, both, differing[index]) for index, side in enumerate(sides)
    ]  # fmt: skip
    bodies += ['<p class="hint">Waits for the other answer.</p>'] * (expected - len(sides))
    running = len(sides) < expected or not outcome.done
    states = {"error": any(side.reply.error for side in sides), "running": running}
    state = next((name for name, holds in states.items() if holds), "done")
    if not both:
        status = _status(sides[0].reply, beside) or _ended(sides[0].reply.completion)
        return _card(state, status, bodies[0], outcome.key)
    names = [side.attention for side in sides]
    names += [name for name in ("prefix", "causal") if name not in names][: expected - len(sides)]
    columns = "".join(
        f'<div class="side"><h3>{name.capitalize()}</h3>{body}</div>' for name, body in zip(names, bodies, strict=True)
    )
    status = next((_status(side.reply, beside) for side in sides if side.reply.phase != "done"), "")
    return _card(state, status or _compared(outcome), f'<div class="sides">{columns}</div>', outcome.key)


def _body(outcome: Outcome, index: int, side: Side, both: bool, differing: set[int]) -> str:
    reply = side.reply
    if reply.error:
        return (_text(side, index, differing, live=True, caret=False) if reply.text else "") + problem(reply.error)
    if reply.completion is None:
        return _text(side, index, differing, live=True)
    warning = outcome.warning(side)
    checked = f'<p class="check" role="note">Check: {escape(warning)}</p>' if warning else ""
    branched = '<p class="branched">Continued, left to right, from the token that you chose.</p>' if side.lead else ""
    cut = f'<p class="branched">{line}</p>' if both and (line := _cut(reply.completion)) else ""
    return _text(side, index, differing, live=False) + branched + cut + _off_label(outcome, side) + checked


def _off_label(outcome: Outcome, side: Side) -> str:
    """A line where a finished answer is not one of the labels."""
    labels, end = outcome.template.labels, side.reply.completion
    if not labels or end is None or end.stop_reason == "cancelled" or match_label(end.text, labels) is not None:
        return ""
    bars = "; the bars below compare only the labels" if side.reply.scores else ""
    return f'<p class="check off-label" role="note">This answer is not one of the labels{bars}.</p>'


def _ended(end: Completion | None) -> str:
    """Who gave a finished answer, and whether it was cut short."""
    if end is None:
        return ""
    return ", ".join(part for part in (end.model, f"{end.attention} attention", _cut(end)) if part)


def _cut(end: Completion) -> str:
    if end.stop_reason == "cancelled":
        return "stopped by you"
    return f"cut off after {end.completion_tokens:,} tokens" if end.stop_reason == "max_new_tokens" else ""


def _card(state: str, status: str, body: str, key: str = "") -> str:
    tools = f'<span class="answer-tools">{legend()}{_PLAIN}</span>' if state in ("done", "running") else ""
    outdated = '<p class="outdated" role="status" hidden>Outdated: the prompt or its settings have changed since.</p>'
    return (
        f'<section class="answer" data-state="{state}" data-key="{key}" aria-labelledby="answer-title">'
        f'<header><h2 id="answer-title">Answer</h2><span class="status">{escape(status)}</span>{tools}</header>'
        f"{outdated}"
        f'<div aria-busy="{str(state == "running").lower()}">{body}</div></section>'
    )


def _text(side: Side, index: int, differing: set[int], *, live: bool, caret: bool = True) -> str:
    empty = not side.reply.text and not live
    spans = token_spans(side.tokens, index, live=live, chosen=len(side.lead) - 1, differing=differing)
    blink = '<span class="caret" aria-hidden="true"></span>' if live and caret else ""
    hint = '<p class="hint">The answer is empty: the model ended it before the first word.</p>' if empty else ""
    return f'{hint}<pre class="answer-text{" answer-empty" if empty else ""}">\n{spans}{blink}</pre>'


def _status(reply: Reply, beside: str) -> str:
    if reply.phase == "done":
        return ""
    if reply.phase == "loading":
        return f"waits for the model, which is being loaded… {reply.seconds:.0f} s"
    if reply.phase == "reading":
        said = f"reading the prompt… {reply.seconds:.1f} s"
    else:
        said = f"writing… {_speed_so_far(reply)}" if reply.phase == "writing" else "comparing the labels…"
    return f"{said}, {beside}" if beside else said


def _speed_so_far(reply: Reply) -> str:
    first, count = reply.seconds_to_first_token, len(reply.tokens)
    if first is None or count < 2 or reply.seconds <= first:
        return f"{reply.seconds:.1f} s"
    return f"{count} tokens, {(count - 1) / (reply.seconds - first):.1f} tokens/s"


def _differing(sides: tuple[Side, ...]) -> list[set[int]]:
    """For both sides, the indices of the tokens that the other lacks."""
    indices: list[set[int]] = [set(), set()]
    if len(sides) == 2:
        ids = [[token.id for token in side.tokens] for side in sides]
        matcher = SequenceMatcher(None, ids[0], ids[1], autojunk=False)
        for tag, begin, end, other_begin, other_end in matcher.get_opcodes():
            if tag != "equal":
                indices[0].update(range(begin, end))
                indices[1].update(range(other_begin, other_end))
    return indices


def _compared(outcome: Outcome) -> str:
    texts = {side.reply.text for side in outcome.sides}
    if any(side.reply.error or side.reply.completion is None for side in outcome.sides):
        return ""
    return "both answers are the same" if len(texts) == 1 else "differences are underlined"
