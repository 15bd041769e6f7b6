"""What is imported is declared, what is pinned fits what is declared, and an installed copy has all its files."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterable, Iterator
from importlib.metadata import requires
from pathlib import Path

import yaml
from imports import imports, room
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import gptjt_demo
from gptjt_demo.models.registry import MODELS
from gptjt_demo.training.episodes.families import PACKAGES

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
PINNED = {
    str(canonicalize_name(name)): wanted
    for name, wanted in re.findall(r"^([\w-]+)([<=>]=[^\s#]+)", (ROOT / "requirements.txt").read_text(), re.MULTILINE)
}
PINS = {name: re.split("[<=]=", wanted)[-1] for name, wanted in PINNED.items()}  # of a range pip takes the last
README = (ROOT / "README.md").read_text(encoding="utf-8")
# Packages whose name is not that of what is imported from them.
NAMES = {"PIL": "pillow", "gradio_client": "gradio", "sklearn": "scikit-learn", "yaml": "pyyaml"}
HARDWARE = {"cpu-basic", "cpu-upgrade", "t4-small", "l4x1", "a10g-small", "zero-a10g"}  # some that the hub lists
ZERO_GPU_PYTHON = {"3.12.12", "3.10.13"}  # all that the hub lists there
ZERO_GPU_TORCH = "2.11.0"  # the last that it lists there
TOOLS = {"gptjt-demo", "hatchling", "mypy", "ruff", "types-pyyaml"}  # run, not imported
EXTRAS = {
    "training": ("train", "datasets"),
    "benchmark": ("bench",),
    "cli": ("lm-eval",),
    "evaluation": ("lm-eval",),
    "models": ("zerogpu",),
    "tables": ("parquet", "datasets"),
}  # what a room may need beside the dependencies


def declared(*extras: str) -> dict[str, Requirement]:
    lines = [*PROJECT["dependencies"], *(line for extra in extras for line in PROJECT["optional-dependencies"][extra])]
    return {str(canonicalize_name(found.name)): found for found in map(Requirement, lines)}


def packages(names: Iterable[str]) -> Iterator[str]:
    """The packages of other people that these imported names come from."""
    for name in {name.split(".")[0] for name in names}:
        if name not in sys.stdlib_module_names and name != "gptjt_demo":
            yield canonicalize_name(NAMES.get(name, name))


def test_what_a_room_imports_is_declared_for_it() -> None:
    missing = {
        f"{module}: {package}"
        for module, named in imports(ROOT / "gptjt_demo").items()
        for package in packages(named)
        if package not in declared(*EXTRAS.get(room(module), ()))
    }
    assert missing == set()


def test_what_the_tests_import_is_declared_for_them() -> None:
    own = {path.stem for path in (ROOT / "tests").glob("*.py")}
    named: set[str] = set()
    for path in (ROOT / "tests").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                named |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                named.add(node.module)
    assert set(packages(named - own)) <= {*declared("dev", "datasets", "lm-eval", "mcp", "parquet", "train")}


def test_what_is_declared_is_imported() -> None:
    used = {str(canonicalize_name(name)) for name in PACKAGES}  # some are imported by a name that is put together
    used |= {package for named in imports(ROOT / "gptjt_demo").values() for package in packages(named)}
    assert set(declared("train", "bench", "datasets", "parquet", "zerogpu")) <= used


def test_every_dependency_has_a_range_and_one_pin_within_it() -> None:
    dependencies = declared()
    assert set(PINS) == set(dependencies)
    for name, requirement in dependencies.items():
        assert requirement.specifier.contains(PINS[name]), name
        assert not any(each.operator == "==" for each in requirement.specifier), name


def test_the_space_installs_what_is_pinned() -> None:
    front = yaml.safe_load(README.split("---")[1])
    assert front["sdk"] == "gradio"
    assert front["sdk_version"] == PINS["gradio"]
    assert front["license"] == PROJECT["license"].lower()
    assert Requirement(f"python{PROJECT['requires-python']}").specifier.contains(front["python_version"])
    assert (ROOT / front["app_file"]).is_file()


def test_what_the_space_says_of_itself_is_what_the_hub_takes() -> None:
    front = yaml.safe_load(README.split("---")[1])
    assert front["suggested_hardware"] in HARDWARE
    assert all(re.fullmatch(r"[a-z0-9-]+", tag) for tag in front["tags"])
    assert len(front["tags"]) == len(set(front["tags"])) >= 3
    assert len(front["short_description"]) <= 60  # the hub refuses more
    picture = re.fullmatch(r"https://huggingface\.co/spaces/YOU/YOUR-SPACE/resolve/main/(\S+)", front["thumbnail"])
    assert picture is not None
    assert (ROOT / picture[1]).is_file()
    sources = {spec.source for spec in MODELS.values()}
    assert set(front["models"]) <= sources


def test_what_a_space_installs_with_gradio_fits_the_pins() -> None:
    for extra in ("oauth", "mcp"):
        asked = [Requirement(line) for line in requires("gradio") or ()]
        found = [each for each in asked if each.marker is None or each.marker.evaluate({"extra": extra})]
        for each in found:
            pin = PINS.get(str(canonicalize_name(each.name)))
            assert pin is None or each.specifier.contains(pin), (extra, str(each))


def test_zero_gpu_can_install_it() -> None:
    front = yaml.safe_load(README.split("---")[1])
    assert front["python_version"] in ZERO_GPU_PYTHON
    for requirement in (Requirement(f"torch{PINNED['torch']}"), declared()["torch"]):
        assert requirement.specifier.contains(ZERO_GPU_TORCH)
    ranges = [name for name, wanted in PINNED.items() if not wanted.startswith("==")]
    assert ranges == ["torch"]


def test_there_is_one_version() -> None:
    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    changes = re.findall(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert "version" in PROJECT["dynamic"]
    assert [cited["version"], *changes[:1]] == [gptjt_demo.__version__] * 2


def test_the_check_command_leaves_a_contributors_environment_alone(tmp_path: Path) -> None:
    for name in (".ci/run", "README.md"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    theirs = tmp_path / ".venv" / "bin" / "pip"
    theirs.parent.mkdir(parents=True)
    theirs.write_text("theirs")
    # In place of Python and the tools that it would install: programs that write down how they were called.
    called = tmp_path / "called"
    programs = tmp_path / "programs"
    programs.mkdir()
    note = f'#!/bin/sh\necho "${{0##*/}} $*" >> "{called}"\n'
    fake = f'{note}mkdir -p "$3/bin"\nfor tool in pip pytest ruff mypy; do cp "{programs}/tool" "$3/bin/$tool"; done\n'
    for name, text in {"tool": note, "chromium": note, "python3": fake}.items():
        (programs / name).write_text(text)
        (programs / name).chmod(0o755)
    environment = {**os.environ, "PATH": f"{programs}:{os.environ['PATH']}"}
    for _ in range(2):
        subprocess.run(["bash", ".ci/run"], cwd=tmp_path, env=environment, check=True, capture_output=True)
    assert theirs.read_text() == "theirs"
    assert called.read_text().splitlines()[:6] == [
        "python3 -m venv .ci/venv",
        "pip install -r requirements.txt -e .[dev]",
        "pytest -n logical",
        "ruff format --check .",
        "ruff check .",
        "mypy ",
    ]


def test_the_workflow_runs_the_check_command() -> None:
    (workflow,) = (ROOT / ".github" / "workflows").glob("*.yml")
    jobs = yaml.safe_load(workflow.read_text(encoding="utf-8"))["jobs"]
    assert [step.get("run") for job in jobs.values() for step in job["steps"]][-1] == "bash .ci/run"


def test_an_installed_copy_has_all_its_files_and_works_from_an_empty_folder(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as files:
        packed = set(files.namelist())
        files.extractall(tmp_path / "installed")
    tracked = {path for folder in ("gptjt_demo", "prompts") for path in kept(folder)}
    wanted = {f"gptjt_demo/{path}" if path.startswith("prompts/") else path for path in tracked}
    assert wanted <= packed
    assert {Path(path).suffix for path in wanted} >= {".py", ".js", ".css", ".yaml", ".json", ".csv", ".safetensors"}
    program = (
        "import gptjt_demo\n"
        "from gptjt_demo.evaluation import samples\n"
        "from gptjt_demo.templates.libraries import Library\n"
        "found = all(samples.path(name).is_file() for name in samples.names())\n"
        "print(gptjt_demo.__file__, len(Library.open()), found)\n"
        "template = gptjt_demo.Template.load('currency')\n"
        "engine = gptjt_demo.load('mini', progress=False)\n"
        "print(engine.complete(template.render('Japan'), template.generation).text)\n"
    )
    empty = tmp_path / "empty"
    empty.mkdir()
    environment = {**os.environ, "PYTHONPATH": str(tmp_path / "installed")}
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=empty, env=environment, capture_output=True, text=True, check=False
    )
    where, answer = done.stdout.splitlines() or ["", done.stderr]
    assert where == f"{tmp_path / 'installed' / 'gptjt_demo' / '__init__.py'} {len(kept('prompts', '.yaml'))} True"
    assert "Yen" in answer


def kept(folder: str, ending: str = "") -> list[str]:
    """The files of a folder of this checkout, but for what Python leaves there."""
    return [
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / folder).rglob(f"*{ending}")
        if path.is_file() and "__pycache__" not in path.parts
    ]
