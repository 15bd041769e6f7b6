"""The answer's card as HTML: the streamed text, how the run stands, who answered and how fast.

In: a `Progress`. Out: HTML for a gr.HTML value, every text in it escaped. Knows nothing of gradio or templates.
"""

from __future__ import annotations

from html import escape

from gptjt_demo.completion import STOP_REASONS, Completion
from gptjt_demo.ui.job import Progress
from gptjt_demo.ui.problem import problem


def idle(model: str) -> str:
    """The card before the first run."""
    return _card(
        "idle", "", f'<p class="hint">Press <b>Run</b> to see how {escape(model)} goes on from the prompt.</p>'
    )


def refused(line: str) -> str:
    """The card of a run that was not begun, with the one line that says why."""
    return _card("error", "", problem(line))


def answer(progress: Progress) -> str:
    """The card of a run that goes on or is done."""
    if progress.error:
        text = _text(progress.text, live=False) if progress.text else ""
        return _card("error", "", text + problem(progress.error))
    if progress.completion is None:
        if progress.phase == "reading":
            return _card("running", f"reading the prompt… {progress.seconds:.1f} s", _text("", live=True))
        return _card("running", f"writing… {_speed_so_far(progress)}", _text(progress.text, live=True))
    running = progress.phase != "done"
    status = "weighing the labels…" if running else ""
    body = _text(progress.text, live=False) + _facts(progress.completion)
    return _card("running" if running else "done", status, body)


def _card(state: str, status: str, body: str) -> str:
    return (
        f'<section class="card answer" data-state="{state}" aria-labelledby="answer-title">'
        f'<header><h2 id="answer-title">Answer</h2><span class="status">{escape(status)}</span></header>'
        f'<div aria-live="polite" aria-busy="{str(state == "running").lower()}">{body}</div></section>'
    )


def _text(text: str, *, live: bool) -> str:
    if not text and not live:
        return '<p class="hint">The model ended at once: the answer is empty.</p>'
    caret = '<span class="caret" aria-hidden="true"></span>' if live else ""
    return f'<pre class="answer-text">\n{escape(text)}{caret}</pre>'


def _speed_so_far(progress: Progress) -> str:
    first, count = progress.seconds_to_first_token, len(progress.tokens)
    if first is None or count < 2 or progress.seconds <= first:
        return f"{progress.seconds:.1f} s"
    return f"{count} tokens, {(count - 1) / (progress.seconds - first):.1f} tokens/s"


def _facts(completion: Completion) -> str:
    reason = STOP_REASONS[completion.stop_reason]
    if completion.stop is not None:
        reason += f" ({completion.stop!r})"
    speed = f"{completion.tokens_per_second:.1f} tokens/s" if completion.tokens_per_second else "one token"
    facts = {
        "Model": completion.model,
        "Attention": completion.attention,
        "Ended": reason,
        "First token": f"{completion.seconds_to_first_token:.2f} s",
        "Speed": speed,
        "Tokens": f"{completion.prompt_tokens:,} + {completion.completion_tokens:,}",
        "Seed": str(completion.seed),
    }
    items = "".join(f"<div><dt>{name}</dt><dd>{escape(value)}</dd></div>" for name, value in facts.items())
    return f'<dl class="facts">{items}</dl>'
