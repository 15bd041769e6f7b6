"""Templates from a repository of the hub: as data, few and small, from one commit; every refusal is a line."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from command_line import run
from hub_server import COMMIT, Hub

from gptjt_demo.cli.hub import MOST_FILES, parsed
from gptjt_demo.errors import TemplateError
from gptjt_demo.templates import yaml_text
from gptjt_demo.templates.libraries import Library
from gptjt_demo.templates.template import Template

LIBRARY = Library.open()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """Two templates, one of them in a folder, and what else lies about in a repository."""
    folder = tmp_path / "repository"
    (folder / "more").mkdir(parents=True)
    (folder / ".github").mkdir()
    (folder / "hate.yaml").write_text(LIBRARY["hate"].revised(source="").to_yaml(), encoding="utf-8")
    (folder / "more" / "currency.yml").write_text(LIBRARY["currency"].to_yaml(), encoding="utf-8")
    (folder / "more" / "evil.yaml").write_text("name: evil\ntitle: !!python/object/apply:os.system [x]\n")
    (folder / "kept.json").write_text('{"name": "mine", "title": "Mine"}')
    (folder / ".github" / "hidden.yaml").write_text("name: hidden\ntitle: Hidden\n")
    (folder / "run.py").write_text("raise SystemExit")
    return folder


@pytest.fixture
def hub(repository: Path, monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """The hub's two calls, answered from the folder; `asked` tells what they were asked."""
    import huggingface_hub

    told = SimpleNamespace(asked=[], sizes={})

    def repo_info(self: Any, repository_: str, *, revision: str | None = None, **more: Any) -> Any:
        told.asked.append((repository_, revision, more["repo_type"]))
        files = [path for path in sorted(repository.rglob("*")) if path.is_file()]
        named = [(str(path.relative_to(repository)), path.stat().st_size) for path in files]
        siblings = [SimpleNamespace(rfilename=name, size=told.sizes.get(name, size)) for name, size in named]
        return SimpleNamespace(sha=COMMIT, siblings=siblings)

    def hf_hub_download(repository_: str, file: str, *, revision: str, **_: Any) -> str:
        told.asked.append((file, revision))
        return str(repository / file)

    monkeypatch.setattr(huggingface_hub.HfApi, "repo_info", repo_info)
    monkeypatch.setattr(huggingface_hub, "hf_hub_download", hf_hub_download)
    return told


def test_a_repository_s_templates_are_read_from_one_commit_and_say_where_they_are_from(
    hub: SimpleNamespace, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    status, _, err = run(capsys, "templates", "import", "hf:someone/prompts@main", "--out", out)
    assert status == 0
    assert sorted(path.name for path in out.iterdir()) == ["currency.yaml", "hate.yaml"]
    assert Template.load(out / "hate.yaml").source == f"hf:someone/prompts/hate.yaml@{COMMIT}"
    assert Template.load(out / "currency.yaml") == LIBRARY["currency"]
    assert f"hf:someone/prompts@main is hf:someone/prompts@{COMMIT}" in err
    assert "left out: someone/prompts/more/evil.yaml" in err
    assert hub.asked[0] == ("someone/prompts", "main", None)
    assert {asked[1] for asked in hub.asked[1:]} == {COMMIT}
    assert not any(name in str(hub.asked) for name in ("run.py", "hidden", "kept.json"))


def test_a_revision_that_is_left_open_is_resolved_and_said(
    hub: SimpleNamespace, capsys: pytest.CaptureFixture[str]
) -> None:
    status, out, err = run(capsys, "templates", "import", "hf:datasets/someone/prompts/more/currency.yml")
    assert (status, Template.from_yaml(out)) == (0, LIBRARY["currency"])
    assert f"is hf:datasets/someone/prompts/more/currency.yml@{COMMIT}" in err
    assert hub.asked[0] == ("someone/prompts", None, "dataset")
    status, out, err = run(capsys, "templates", "import", f"hf:someone/prompts/kept.json@{COMMIT}")
    assert (status, err, Template.from_yaml(out).name) == (0, "", "mine")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("hf:someone", "not the name of a repository's templates; write hf:OWNER/REPO[/PATH]@REVISION"),
        ("hf:a/b@", "not the name"),
        ("hf:a/b/../c@main", "not the name"),
        ("hf:a/b/none.yaml@main", "there is no 'none.yaml' in it"),
        ("hf:a/b/run.py@main", "neither YAML nor JSON"),
        ("hf:a/b/more/evil.yaml@main", "tags (!) are not read"),
        ("hf:a/b/.github@main", "no YAML file"),
    ],
)
def test_what_is_no_template_there_is_one_line(
    hub: SimpleNamespace, capsys: pytest.CaptureFixture[str], name: str, words: str
) -> None:
    status, out, err = run(capsys, "templates", "import", name)
    assert (status, out) == (2, "")
    assert words in err.splitlines()[-1]


def test_too_much_is_refused_before_anything_is_downloaded(
    hub: SimpleNamespace, repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hub.sizes["hate.yaml"] = yaml_text.MAX_BYTES + 1
    status, _, err = run(capsys, "templates", "import", "hf:a/b@main")
    assert (status, err.count("\n")) == (2, 1)
    assert "1,048,577 bytes, a template has at most 1,048,576" in err
    hub.sizes["hate.yaml"] = None
    assert "of unknown size" in run(capsys, "templates", "import", "hf:a/b@main")[2]
    hub.sizes.clear()
    for number in range(MOST_FILES):
        (repository / f"{number}.yaml").write_text(f"name: t-{number}\ntitle: T\n")
    status, _, err = run(capsys, "templates", "import", "hf:a/b@main")
    assert (status, err.count("\n")) == (2, 1)
    assert "53 YAML files, 50 are read; name a folder" in err
    hub.sizes |= {f"{number}.yaml": 1_000_000 for number in range(9)}
    for number in range(10, MOST_FILES):
        (repository / f"{number}.yaml").unlink()
    status, _, err = run(capsys, "templates", "import", "hf:a/b@main")
    assert "8,388,608 are read" in err
    assert not any(len(asked) == 2 for asked in hub.asked)


def test_a_file_larger_than_was_said_is_not_read(hub: SimpleNamespace, repository: Path) -> None:
    from gptjt_demo.cli.hub import fetched

    (repository / "hate.yaml").write_text("#" * (yaml_text.MAX_BYTES + 1))
    hub.sizes["hate.yaml"] = 10
    with pytest.raises(TemplateError, match="more than 1,048,576 bytes"):
        fetched("hf:a/b/hate.yaml@main")


def test_a_name_says_kind_path_and_revision() -> None:
    name = parsed("hf:spaces/a/b.c/d/e f.yaml@refs/pr/1")
    assert (name.repository, name.kind, name.path, name.revision) == ("a/b.c", "space", "d/e f.yaml", "refs/pr/1")
    assert name.at("x") == "hf:spaces/a/b.c/d/e f.yaml@x"


def test_over_http_a_repository_is_read_and_every_refusal_is_a_line(repository: Path, tmp_path: Path) -> None:
    server = Hub({"someone/prompts": repository, "someone/gated": repository}, gated=frozenset({"someone/gated"}))
    program = """
import sys
from gptjt_demo.cli.hub import fetched
from gptjt_demo.errors import TemplateError
for source in sys.argv[1:]:
    try:
        print(*[template.name for template in fetched(source)])
    except TemplateError as error:
        print(error)
"""

    def ask(url: str, *sources: str, **environment: str) -> list[str]:
        settings = {"HF_ENDPOINT": url, "HF_HOME": str(tmp_path / "cache"), "HF_HUB_OFFLINE": "0", **environment}
        done = subprocess.run(
            [sys.executable, "-c", program, *sources],
            env={**os.environ, "HF_HUB_DISABLE_XET": "1", "HF_HUB_DISABLE_TELEMETRY": "1", **settings},
            capture_output=True,
            text=True,
            check=True,
            timeout=120,
        )
        return done.stdout.splitlines()

    found, absent, gated, revision = ask(
        server.url, "hf:someone/prompts@main", "hf:a/b@main", "hf:someone/gated@main", "hf:someone/prompts@gone"
    )
    assert found == "hate currency"
    assert "hf:a/b@main: no such repository on the hub, or it is private" in absent
    assert "the repository is gated" in gated
    assert "there is no such revision" in revision
    (away,) = ask("http://127.0.0.1:9", "hf:someone/other@main")
    assert away.startswith("hf:someone/other@main: the hub is out of reach")
    (offline,) = ask(server.url, "hf:someone/other@main", HF_HUB_OFFLINE="1")
    assert "HF_HUB_OFFLINE" in offline
