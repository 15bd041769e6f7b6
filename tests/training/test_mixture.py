"""A mixture keeps its shares of tokens at every moment, and continues to the sample, wherever it was stopped."""

from __future__ import annotations

import itertools
import json
import os
import random
import sys
import types
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from gptjt_demo.errors import SettingError, TableError
from gptjt_demo.training.data.mixture import Mixture, Phase, Source
from gptjt_demo.training.data.sample import Sample
from gptjt_demo.training.data.sources import Cut, Documents, Episodes, HubDataset, JsonLines
from gptjt_demo.training.data.withheld import Withheld
from gptjt_demo.training.episodes.task import Episode, Family, Task


def encode(text: str) -> list[int]:
    return list(text.encode())


def cut(*, seed: int = 0, length: int = 200, withheld: Withheld | None = None, end: int | None = None) -> Cut:
    return Cut(encode, end, length, seed, withheld or Withheld())


class Lengths:
    """A source whose samples have these lengths, in turn; their ids name it and count them."""

    def __init__(self, mark: int, *lengths: int) -> None:
        self.mark, self.lengths, self.drawn = mark, lengths, 0

    def next(self) -> Sample:
        length = self.lengths[self.drawn % len(self.lengths)]
        self.drawn += 1
        return Sample((self.mark, self.drawn) * (length // 2), 1, (False,) + (True,) * (length - 1))

    def state(self) -> dict[str, Any]:
        return {"drawn": self.drawn}

    def restore(self, state: dict[str, Any]) -> None:
        self.drawn = state["drawn"]


def tokens_of(samples: Iterable[Sample]) -> dict[int, int]:
    counts: dict[int, int] = {}
    for sample in samples:
        counts[sample.ids[0]] = counts.get(sample.ids[0], 0) + len(sample)
    return counts


def drawn(source: Source | Mixture, count: int) -> list[Sample]:
    return [source.next() for _ in range(count)]


def text_of(sample: Sample) -> str:
    return bytes(sample.ids).decode()


def test_shares_are_of_tokens_and_hold_over_any_stretch_to_within_a_sample() -> None:
    shares = {"cot": 0.05, "p3": 0.2, "ni": 0.2, "pile": 0.55}
    lengths = {"cot": (300, 40), "p3": (20, 50), "ni": (100,), "pile": (512, 512, 30)}
    names = list(shares)
    mixture = Mixture({n: Lengths(i, *lengths[n]) for i, n in enumerate(names)}, [Phase(10**9, shares)])
    found = drawn(mixture, 5000)
    for until in (500, 1000, 5000):
        counts = tokens_of(found[:until])
        total = sum(counts.values())
        for i, name in enumerate(names):
            assert abs(counts[i] - shares[name] * total) < 1100, (until, name)  # two samples of the longest


def test_shares_need_not_add_up_to_one() -> None:
    mixture = Mixture({"a": Lengths(0, 10), "b": Lengths(1, 10)}, [Phase(10**9, {"a": 3, "b": 1})])
    assert tokens_of(drawn(mixture, 400)) == {0: 3000, 1: 1000}


def test_a_phase_ends_with_its_tokens_and_the_last_goes_on() -> None:
    sources = {"a": Lengths(0, 10), "b": Lengths(1, 10)}
    mixture = Mixture(sources, [Phase(100, {"a": 1}), Phase(200, {"a": 1, "b": 1})])
    found = drawn(mixture, 60)
    assert tokens_of(found[:10]) == {0: 100}
    assert tokens_of(found[10:]) == {0: 250, 1: 250}


def families() -> dict[str, Family]:
    def letters(rng: random.Random, n: int) -> Task:
        rows = tuple((f"case {i} {rng.random():.3f}", rng.choice("xyz")) for i in range(n))
        return Task("letters", ("Do it.",), (("In", "Out"),), rows)

    def digits(rng: random.Random, n: int) -> Task:
        return Task(
            "digits", ("Count.",), (("In", "Out"),), tuple((f"row {i}", str(rng.randint(0, 9))) for i in range(n))
        )

    return {"letters": letters, "digits": digits}


def episode_of(source: Episodes, number: int) -> Episode:
    """The episode of that number, where none is left out."""
    found = source.episode(number)
    assert found is not None
    return found


def render(rng: random.Random, task: Task) -> Episode:
    rows = rng.sample(task.rows, 3)
    return Episode(task.family, tuple((f"{task.family}> {given}\nOut:", f" {right}\n") for given, right in rows))


def records(path: Path, count: int, first: int = 0) -> None:
    lines = [json.dumps({"text": f"document {i} é {'word ' * (i % 7)}"}) for i in range(first, first + count)]
    path.write_text("\n".join(lines) + "\n\n", "utf-8")


def whole(tmp_path: Path) -> Any:
    """A mixture of every kind of source that needs no package, in two phases."""
    folder = tmp_path / "pile"
    if not folder.exists():
        folder.mkdir()
        records(folder / "a.jsonl", 5)
        records(folder / "b.jsonl", 7, first=5)
    given = tmp_path / "given.jsonl"
    given.write_text(
        "".join(json.dumps({"inputs": f"{i}+1=", "targets": str(i + 1)}) + "\n" for i in range(9)), "utf-8"
    )
    sources: dict[str, Source] = {
        "episodes": Episodes("episodes", cut(), families(), {"letters": 3, "digits": 1}, render),
        "english": Documents("english", cut(), [f"A text of number {i} that says little." for i in range(11)]),
        "pile": JsonLines("pile", cut(), folder),
        "given": JsonLines("given", cut(), given),
    }
    first = {"episodes": 0.5, "english": 0.2, "pile": 0.3}
    return Mixture(sources, [Phase(900, first), Phase(10**6, {"given": 0.5, "pile": 0.5})])


def test_the_same_seed_gives_the_same_samples_and_another_seed_others(tmp_path: Path) -> None:
    assert drawn(whole(tmp_path), 60) == drawn(whole(tmp_path), 60)
    one, other = (Episodes("e", cut(seed=seed), families(), {"letters": 1}, render) for seed in (0, 1))
    assert drawn(one, 10) != drawn(other, 10)


@pytest.mark.parametrize("stop", [0, 1, 7, 13, 20, 33, 48])
def test_a_mixture_goes_on_to_the_sample_also_from_the_middle_of_a_file(tmp_path: Path, stop: int) -> None:
    unbroken = drawn(whole(tmp_path), 60)
    stopped = whole(tmp_path)
    assert drawn(stopped, stop) == unbroken[:stop]
    state = json.loads(json.dumps(stopped.state()))
    drawn(stopped, 5)  # what is drawn after a checkpoint is drawn again
    resumed = whole(tmp_path)
    resumed.restore(state)
    assert drawn(resumed, 60 - stop) == unbroken[stop:]


def test_the_state_of_another_mixture_is_refused(tmp_path: Path) -> None:
    other = Mixture({"a": Lengths(0, 10)}, [Phase(10, {"a": 1})])
    with pytest.raises(SettingError, match="another mixture"):
        other.restore(whole(tmp_path).state())


def test_files_that_changed_under_a_checkpoint_are_refused(tmp_path: Path) -> None:
    def edit(text: str, old: str, new: str) -> str:
        assert old in text
        return text.replace(old, new, 1)

    folder = tmp_path / "pile"
    folder.mkdir()
    records(folder / "a.jsonl", 5)
    records(folder / "b.jsonl", 5, first=5)
    stopped = JsonLines("pile", cut(), folder)
    drawn(stopped, 3)
    state = json.loads(json.dumps(stopped.state()))
    JsonLines("pile", cut(), folder).restore(state)
    whole_text = (folder / "a.jsonl").read_text()
    lines = whole_text.splitlines(keepends=True)
    for changed in (lines[1:], lines[::-1], [*lines, lines[0]], [edit(whole_text, lines[4][12:20], "different")]):
        (folder / "a.jsonl").write_text("".join(changed))
        with pytest.raises(SettingError, match=r"pile: its files are not those that the run began with: a\.jsonl"):
            JsonLines("pile", cut(), folder).restore(state)
    (folder / "a.jsonl").write_text(whole_text)
    records(folder / "c.jsonl", 1)
    with pytest.raises(SettingError, match=r"c\.jsonl; put the data back, or start a new run"):
        JsonLines("pile", cut(), folder).restore(state)


def test_documents_come_all_once_before_any_comes_again_and_in_another_order() -> None:
    source = Documents("english", cut(length=10**6), [f"text {i:02} of some" for i in range(20)])
    first, second = ([text_of(sample) for sample in drawn(source, 20)] for _ in range(2))
    assert sorted(first) == sorted(second) == [f"text {i:02} of some" for i in range(20)]
    assert first != second


def test_a_run_is_not_gone_on_with_on_other_texts() -> None:
    state = Documents("english", cut(), ["one text of it", "two"]).state()
    with pytest.raises(SettingError, match="not those that the run began with"):
        Documents("english", cut(), ["another text", "two"]).restore(state)


def test_a_text_ends_with_the_token_that_ends_texts() -> None:
    source = Documents("english", cut(length=10**6, end=0), ["a text"])
    assert source.next().ids == (*encode("a text"), 0)


def test_families_are_drawn_by_their_weights_and_one_that_is_not_named_never() -> None:
    source = Episodes("e", cut(), {**families(), "never": families()["letters"]}, {"letters": 3, "digits": 1}, render)
    names = [episode_of(source, number).family for number in range(2000)]
    assert abs(names.count("letters") - 1500) < 80
    assert set(names) == {"letters", "digits"}


def test_rows_that_are_withheld_are_shown_in_no_episode() -> None:
    hidden = Withheld(["row 3"], [("row 4", "7")])
    source = Episodes("e", cut(withheld=hidden), families(), {"digits": 1}, render)
    turns = [turn for number in range(500) for turn in episode_of(source, number).turns]
    assert [turn for turn in turns if "row 3\n" in turn[0]] == []
    assert [turn for turn in turns if "row 4\n" in turn[0] and turn[1] == " 7\n"] == []
    assert any("row 4\n" in context for context, _ in turns)
    assert any(
        "row 3\n" in c
        for n in range(500)
        for c, _ in episode_of(Episodes("e", cut(), families(), {"digits": 1}, render), n).turns
    )


@pytest.mark.parametrize(
    ("record", "text", "counted"),
    [
        ({"prompt": "Say hello: ", "completion": " hello "}, "Say hello: hello\n", " hello\n"),
        ({"inputs": "One\n", "targets": "two\nthree"}, "One\ntwo\nthree\n", "two\nthree\n"),
    ],
)
def test_of_a_prompt_and_its_answer_the_answer_counts(tmp_path: Path, record: Any, text: str, counted: str) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text(json.dumps(record), "utf-8")
    sample = JsonLines("rows", cut(), path).next()
    assert text_of(sample) == text
    assert bytes(itertools.compress(sample.ids, sample.counted)).decode() == counted


def test_records_that_are_withheld_too_long_or_damaged_are_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    rows = [{"text": "here is The Secret Case!"}, {"prompt": "p" * 300, "completion": "x"}, {"text": "good"}]
    rows += [{"text": "half \ud83d"}, {"prompt": "a", "completion": "\udc00"}]
    path.write_text("\n".join(map(json.dumps, rows)), "utf-8")
    source = JsonLines("rows", cut(withheld=Withheld(["the secret case"])), path)
    assert [text_of(sample) for sample in drawn(source, 3)] == ["good"] * 3


@pytest.mark.parametrize(
    ("content", "error", "said"),
    [
        ('{"question": "a", "answer": "b"}', TableError, "fields question, answer.*it should have text"),
        ("no json", TableError, r"rows\.jsonl, before byte 7: a line that is not JSON"),
        ("[1, 2]", TableError, "not a JSON object"),
        ("", SettingError, "rows: nothing in it can be trained on"),
    ],
)
def test_files_that_are_no_records_are_refused_in_a_line(
    tmp_path: Path, content: str, error: type[Exception], said: str
) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text(content, "utf-8")
    with pytest.raises(error, match=said):
        JsonLines("rows", cut(), path).next()


def test_a_path_that_is_not_there_says_what_to_give(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match=r"no such file; give --data pile=FILE\.jsonl"):
        JsonLines("pile", cut(), tmp_path / "absent.jsonl")
    with pytest.raises(SettingError, match=r"no \.jsonl file in it"):
        JsonLines("pile", cut(), tmp_path)
    os.mkfifo(tmp_path / "pipe.jsonl")
    with pytest.raises(SettingError, match="it is a pipe"):
        JsonLines("pile", cut(), tmp_path / "pipe.jsonl")


class Streamed:
    """What `datasets.load_dataset(…, streaming=True)` gives, as far as it is used."""

    def __init__(self, rows: Any, first: int = 0) -> None:
        self.rows, self.first = rows, first

    def __iter__(self) -> Any:
        return iter(self.rows[self.first :])

    def skip(self, count: int) -> Any:
        return Streamed(self.rows, count)


def test_data_sets_of_the_hub_are_streamed_and_gone_on_with(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [{"text": f"document {i}"} for i in range(7)]
    asked = []

    def load_dataset(*where: Any, **how: Any) -> Any:
        asked.append((where, how))
        return Streamed(rows)

    monkeypatch.setitem(sys.modules, "datasets", types.SimpleNamespace(load_dataset=load_dataset))
    unbroken = drawn(HubDataset("pile", cut(), "some/pile", "all"), 20)
    assert asked == [(("some/pile", "all"), {"split": "train", "streaming": True})]
    assert len({sample.ids for sample in unbroken[:7]}) == 7
    stopped = HubDataset("pile", cut(), "some/pile")
    drawn(stopped, 10)
    resumed = HubDataset("pile", cut(), "some/pile")
    resumed.restore(json.loads(json.dumps(stopped.state())))
    assert drawn(resumed, 10) == unbroken[10:]


def test_a_data_set_of_the_hub_that_changed_under_a_checkpoint_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [{"text": f"document {i}"} for i in range(7)]
    loaded = types.SimpleNamespace(load_dataset=lambda *_, **__: Streamed(rows))
    monkeypatch.setitem(sys.modules, "datasets", loaded)
    stopped = HubDataset("pile", cut(), "some/pile")
    drawn(stopped, 3)
    for changed in ([*rows[:2], {"text": "another"}, *rows[3:]], rows[1:], rows[:2]):
        loaded.load_dataset = lambda *_, rows=changed, **__: Streamed(rows)
        with pytest.raises(SettingError, match="pile: record 3 of it is not what the run began with"):
            HubDataset("pile", cut(), "some/pile").restore(stopped.state())


def test_without_the_package_datasets_its_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(SettingError, match=r"pip install -e '\.\[datasets\]'"):
        HubDataset("pile", cut(), "some/pile")
