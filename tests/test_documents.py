"""What the documents point to is there: files, tests, rooms, commands."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
DOCUMENTS = [
    "README.md",
    "gptjt_demo/training/README.md",
    "gptjt_demo/api/README.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
    "CHANGELOG.md",
]


@pytest.mark.parametrize("name", DOCUMENTS)
def test_what_a_document_points_to_is_there(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    beside = (ROOT / name).parent
    links = {link.split("#")[0] for link in re.findall(r"\]\((?!https?:)([^)]+)\)", text)}
    paths = set(re.findall(r"`((?:tests|gptjt_demo|prompts)/[\w./-]*)`", text))
    assert {link for link in links if link and not (beside / link).exists()} == set()
    assert {path for path in paths if not (ROOT / path).exists()} == set()


def test_every_threat_names_tests_that_there_are() -> None:
    text = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
    rows = [line for line in text.splitlines() if line.startswith("| ")][2:]
    assert len(rows) >= 8
    for row in rows:
        named = re.findall(r"`(tests/[\w/]+\.py)::(test_\w+)`", row)
        assert named, row
        for path, test in named:
            assert f"def {test}(" in (ROOT / path).read_text(encoding="utf-8"), test
