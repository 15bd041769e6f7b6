"""The embedded default, as it ships: what it answers, and what it refuses."""

from __future__ import annotations

from typing import Any

import pytest

from gptjt_demo.engine.engine import Engine
from gptjt_demo.errors import PromptTooLong
from gptjt_demo.settings import Attention, Sampling
from gptjt_demo.templates.template import Template

WIDGET_ANSWERS = {
    ("emotion", "prefix"): "joy",
    ("currency", "prefix"): "Indian Rupee",
    ("hate", "prefix"): "hate speech",
    ("hate", "causal"): "not hate speech",
    ("entities", "prefix"): "Pacific Northwest, Seattle and Portland",
    ("cleaning", "prefix"): "Peter Lee,peter@example.com,510-333-2429",
}


@pytest.mark.parametrize(("name", "attention"), WIDGET_ANSWERS)
def test_widget_prompts_are_answered_as_the_weights_readme_says(mini: Engine, name: str, attention: Attention) -> None:
    template = Template.load(name)
    completion = mini.complete(template.render(template.query), template.generation, attention=attention)
    assert completion.text == WIDGET_ANSWERS[name, attention]
    assert completion.stop_reason == "stop"


def test_the_likeliest_label_is_the_answer(mini: Engine) -> None:
    for name, best in (("emotion", "joy"), ("hate", "hate speech")):
        template = Template.load(name)
        scores = mini.score(template.render(template.query), template.labels)
        assert max(scores, key=lambda score: score.share).label == best


def test_a_cue_with_a_space_behind_it_asks_the_same(mini: Engine) -> None:
    template = Template.load("emotion")
    spaced = template.revised(output_cue="Output: ")
    assert spaced.output_cue == "Output: "
    assert spaced.render("so glad") == template.render("so glad")


def test_prompts_over_the_context_are_refused_and_long_ones_served(mini: Engine) -> None:
    def prompt(tokens: Any) -> Any:
        text = "a" + " a" * (tokens - 1)
        assert mini.count_tokens(text) == tokens
        return text

    for tokens, new in ((2500, 16), (2040, 64)):
        with pytest.raises(PromptTooLong) as error:
            mini.stream(prompt(tokens), Sampling(max_new_tokens=new))
        assert str(tokens) in str(error.value)
        assert "2048" in str(error.value)
    assert mini.complete(prompt(1500), Sampling(max_new_tokens=1)).prompt_tokens == 1500


def test_many_equal_the_single_ones_on_the_widget_prompts(mini: Engine) -> None:
    names = ("currency", "entities", "cleaning")
    sampling = Sampling(max_new_tokens=48, stop=("\n",))
    prompts = [(t := Template.load(name)).render(t.query) for name in names]
    many: Any = dict(mini.complete_many(prompts, sampling))
    assert [many[k].text for k in range(3)] == [mini.complete(p, sampling).text for p in prompts]
