"""The commands over one prompt: complete, score."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from gptjt_demo.cli.options import (
    AttentionOption,
    DeviceOption,
    InputOption,
    JsonOption,
    ModelOption,
    PromptsOption,
    ShapeOption,
    TemplateOption,
    open_engine,
    open_template,
    query,
    with_shape,
)
from gptjt_demo.cli.output import holds, print_json, say
from gptjt_demo.engine.calibration import LABEL_RULES, OneRule, asked_rule, reshared
from gptjt_demo.engine.label_scores import check_labels
from gptjt_demo.errors import PromptError

if TYPE_CHECKING:
    from gptjt_demo.engine.results import LabelScore

PRINTED = (
    "text",
    "model",
    "attention",
    "stop_reason",
    "has_shape",
    "prompt_tokens",
    "completion_tokens",
    "seconds_to_first_token",
    "tokens_per_second",
    "forward_passes",
    "drafted",
    "accepted",
    "seed",
)
"""The fields of a completion that `complete --json` prints."""


def complete(
    template: TemplateOption,
    input: InputOption = None,
    attention: AttentionOption = None,
    model: ModelOption = None,
    device: DeviceOption = "auto",
    prompts: PromptsOption = None,
    max_new_tokens: Annotated[str | None, typer.Option(help="Instead of the template's.")] = None,
    temperature: Annotated[str | None, typer.Option(help="Instead of the template's.")] = None,
    top_k: Annotated[str | None, typer.Option(help="Instead of the template's.")] = None,
    top_p: Annotated[str | None, typer.Option(help="Instead of the template's.")] = None,
    seed: Annotated[str | None, typer.Option(help="Same seed, same text; drawn where it is not given.")] = None,
    shape: ShapeOption = None,
    json_: JsonOption = False,
) -> None:
    """Answer a query with a template."""
    from gptjt_demo.engine.results import STOP_REASONS
    from gptjt_demo.settings import Sampling
    from gptjt_demo.settings.shape import shape_words

    chosen = with_shape(open_template(template, prompts), shape)
    asked = query(chosen, input)
    prompt = chosen.ask(asked)
    given = {"max_new_tokens": max_new_tokens, "temperature": temperature, "top_k": top_k, "top_p": top_p, "seed": seed}
    sampling = Sampling.read(chosen.generation.model_dump() | {k: v for k, v in given.items() if v is not None})
    engine = open_engine(model, device)
    held = chosen.shape_for(asked)
    stream = engine.stream(prompt, sampling, attention=attention or chosen.attention, shape=held)
    for token in stream:
        if not json_:
            print(token.text, end="", flush=True)
    answer = stream.completion
    if json_:
        print_json({name: getattr(answer, name) for name in PRINTED})
        return
    print()
    say(
        f"{answer.model}, {answer.attention} attention; {STOP_REASONS[answer.stop_reason]}; "
        + ("" if held is None else f"{shape_words(held, answer.has_shape)}; ")
        + f"{answer.completion_tokens} tokens, {answer.seconds_to_first_token:.2f} s to the first, "
        f"{answer.tokens_per_second:.0f} tokens/s; "
        + (f"drafted {answer.drafted}, accepted {answer.accepted}; " if answer.drafted else "")
        + f"seed {answer.seed}"
    )


def score(
    template: TemplateOption,
    input: InputOption = None,
    label: Annotated[list[str] | None, typer.Option(help="Instead of the template's; give it twice or more.")] = None,
    rule: Annotated[
        OneRule, typer.Option(help="What the shares are made from; prior and pmi ask the model beside the query.")
    ] = "logprob",
    attention: AttentionOption = None,
    model: ModelOption = None,
    device: DeviceOption = "auto",
    prompts: PromptsOption = None,
    json_: JsonOption = False,
) -> None:
    """Say how likely each label is as the answer."""
    from gptjt_demo.batch.question import Question

    chosen = open_template(template, prompts)
    prompt = chosen.ask(query(chosen, input))
    labels = label or list(chosen.labels)
    if not labels:
        raise PromptError("the template has no labels", where=chosen.name, mend="give some with --label")
    if len(check_labels(labels, asked_rule(rule))) < 2:
        mend = "give it twice or more" if label else "give two or more with --label"
        raise PromptError("one label is no choice", where="--label" if label else chosen.name, mend=mend)
    engine = open_engine(model, device)
    mode = engine.resolve(attention or chosen.attention)
    scores: Sequence[LabelScore] = engine.score(prompt, labels, rule=asked_rule(rule), attention=mode)
    if rule == "prior" or rule == "pmi":
        question = Question(engine, chosen.revised(labels=labels), True, mode)
        scores = reshared(scores, rule, question.elsewhere(rule, background=False))
    if json_:
        rows = [{k: getattr(s, k) for k in ("label", "logprob", "per_token", "per_byte", "share")} for s in scores]
        print_json({"model": engine.name, "attention": mode, "rule": rule, "labels": rows})
        return
    width, block = max(len(s.label) for s in scores), "█" if holds("█") else "#"
    for s in sorted(scores, key=lambda s: -s.share):
        print(f"{s.label:{width}}  {s.share:6.1%}  {block * round(30 * s.share)}")
    say(f"{engine.name}, {mode} attention; shares by {LABEL_RULES[rule]}")
