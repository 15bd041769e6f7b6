"""Two labels that look alike are refused wherever labels come in, by one rule."""

from __future__ import annotations

from pathlib import Path

import pytest
from command_line import answer_with, run
from fake_engine import FakeEngine

from gptjt_demo.engine.label_scores import check_labels
from gptjt_demo.errors import PlaygroundError, PromptError, TemplateError
from gptjt_demo.likeness import first_alike
from gptjt_demo.templates.formats import read
from gptjt_demo.templates.link import from_fragment, to_fragment
from gptjt_demo.templates.template import Template

ALIKE = [
    ("fear", "fear"),
    ("fear", "fear "),
    ("fear", " fear"),
    ("fear", "fe\u200bar"),
    ("fear", "fear\u200d"),
    ("fear", "\ufefffear"),
    ("fear", "fe\u00adar"),
    ("fear", "fear\u00a0"),
    ("great fear", "great\u2009 fear"),
    ("fear", "Fear"),
    ("fear", "“fear”."),
    ("é", "e\u0301"),
    ("fear", "ｆｅａｒ"),
]
APART = [
    ("fear", "fears"),
    ("x²", "x2"),
    ("①", "1"),
    ("Straße", "Strasse"),
    ("+", "-"),
    ("not hate", "hate"),
    ("!", "?"),
]
UNSEEN = [" ", "\u200b", "\ufeff\u00ad", "\u00a0\u200e"]


@pytest.mark.parametrize(("one", "other"), ALIKE, ids=map(ascii, ALIKE))
def test_two_labels_that_look_alike_are_refused_at_every_door(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, one: str, other: str
) -> None:
    labels = ["joy", one, "anger", other]
    assert first_alike(labels) == (1, 3)
    with pytest.raises(PromptError) as refused:
        check_labels(labels, "logprob")
    assert repr(other) in str(refused.value)
    with pytest.raises(PromptError):
        FakeEngine().score("Input: a\nOutput:", labels)
    with pytest.raises(TemplateError, match=r"labels\[3\]"):
        Template(name="a", title="A", labels=tuple(labels))
    with pytest.raises(TemplateError, match=r"labels\[3\]"):
        Template.load("emotion").revised(labels=labels)
    whole = Template(name="a", title="A", labels=("joy", one, "anger", "love"))
    text = whole.to_yaml().replace("- love", f'- "{other.encode("unicode_escape").decode()}"')
    with pytest.raises(PlaygroundError, match=r"labels\[3\]"):
        read(text)
    answer_with(monkeypatch, FakeEngine())
    options = [word for label in labels for word in ("--label", label)]
    status, out, err = run(capsys, "score", "-t", "currency", *options)
    assert (status, out, err.count("\n")) == (2, "", 1)
    (tmp_path / "a.yaml").write_text(text, encoding="utf-8")
    status, _, err = run(capsys, "templates", "check", tmp_path / "a.yaml")
    assert (status, err.count("\n")) == (2, 1)


@pytest.mark.parametrize(("one", "other"), APART)
def test_labels_that_differ_to_the_eye_stand_beside_each_other(one: str, other: str) -> None:
    assert check_labels([one, other], "logprob") == [one, other]
    assert Template(name="a", title="A", labels=(one, other)).labels == (one, other)


@pytest.mark.parametrize("label", UNSEEN, ids=map(ascii, UNSEEN))
def test_a_label_of_which_nothing_is_seen_is_blank(label: str) -> None:
    with pytest.raises(PromptError, match="blank"):
        check_labels(["joy", label], "logprob")
    with pytest.raises(TemplateError, match="blank"):
        Template(name="a", title="A", labels=("joy", label))


def test_a_link_s_labels_pass_the_same_door() -> None:
    template = Template(name="a", title="A", labels=("joy", "fear"))
    link = to_fragment(template.model_copy(update={"labels": ("joy", "fear", "fear\u200b")}))
    with pytest.raises(PlaygroundError, match="reads like"):
        from_fragment(link)


@pytest.mark.parametrize(
    "command",
    [
        ["score", "-t", "emotion", "--label", "joy"],
        ["score", "-t", "{one}", "-i", "so happy"],
        ["batch", "{rows}", "{out}", "-t", "{one}", "--labels"],
        ["evaluate", "{rows}", "-t", "{one}"],
        ["evaluate", "{rows}", "-t", "emotion", "--against", "{one}"],
        ["diagnose", "{rows}", "-t", "{one}"],
    ],
    ids=lambda command: command[0],
)
def test_one_label_is_no_choice(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, command: list[str]
) -> None:
    answer_with(monkeypatch, FakeEngine())
    (tmp_path / "one.yaml").write_text("name: one\ntitle: One\nlabels: [joy]\n", encoding="utf-8")
    (tmp_path / "rows.csv").write_text("input,output\nso happy,joy\n", encoding="utf-8")
    places = {"one": tmp_path / "one.yaml", "rows": tmp_path / "rows.csv", "out": tmp_path / "out.csv"}
    status, out, err = run(capsys, *(part.format(**places) for part in command))
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert "one label is no choice" in err
    assert not places["out"].exists()
