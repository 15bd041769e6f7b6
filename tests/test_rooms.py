"""The rooms of the package and which may import which: two flows, both downhill, and no circle."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
from imports import Graph, by_room, circles, imports, inside, modules

PACKAGE = Path(__file__).parents[1] / "gptjt_demo"

# Importer: imported, in the order of the flows. Whatever a room imports, at the top, in a function or for types alone,
# is named here, and stands above it.
ROOMS: dict[str, set[str]] = {
    "errors": set(),
    "likeness": set(),
    "settings": {"errors"},
    "tables": {"errors"},
    "templates": {"errors", "likeness", "settings"},
    "engine": {"errors", "likeness", "settings"},
    "models": {"errors", "settings", "engine"},
    "batch": {"errors", "settings", "tables", "templates", "engine"},
    "evaluation": {"errors", "settings", "tables", "templates", "engine", "batch"},
    "training": {"errors", "settings", "templates", "engine", "models", "batch", "evaluation"},
    "api": {"errors", "settings", "engine"},
    "ui": {"errors", "settings", "tables", "templates", "engine", "batch", "evaluation", "api"},
    "benchmark": {"errors", "settings", "templates", "engine", "models", "evaluation", "ui"},
    "cli": {
        "errors",
        "settings",
        "tables",
        "templates",
        "engine",
        "models",
        "batch",
        "evaluation",
        "training",
        "ui",
        "benchmark",
    },
}
FACES = {"__init__": {"errors", "settings", "templates", "engine", "models"}, "__main__": {"cli"}}
MOST_ROOMS = 14
OF_A_NAMED_TUPLE = ("_asdict", "_fields", "_make", "_replace")  # public in spite of their names
GRAPH = imports(PACKAGE)


def unlawful(graph: Graph) -> list[str]:
    """The imports that the table does not allow."""
    allowed = ROOMS | FACES
    return [
        f"{name} imports {other}"
        for name, named in by_room(graph).items()
        for other in sorted(named - allowed.get(name, set()) - {"__init__"})
    ]


def private(package: Path) -> list[str]:
    """The private names of other modules that a module uses."""
    found = []
    for name, path in modules(package).items():
        tree = ast.parse(path.read_text(encoding="utf-8"))
        borrowed: set[str] = set()
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and (node.level or (node.module or "").startswith(package.name)):
                borrowed |= {alias.asname or alias.name for alias in node.names}
                found += [f"{name}: {alias.name}" for alias in node.names if re.match("_(?!_)", alias.name)]
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in borrowed:
                hidden = re.match("_(?!_)", node.attr) and node.attr not in OF_A_NAMED_TUPLE
                found += [f"{name}: {node.value.id}.{node.attr}"] if hidden else []
    return found


def test_every_room_imports_only_what_the_table_allows() -> None:
    assert unlawful(GRAPH) == []


def test_what_the_table_allows_is_used() -> None:
    found = by_room(GRAPH)
    assert {name: named - found[name] for name, named in ROOMS.items() if named - found[name]} == {}


def test_the_table_runs_one_way() -> None:
    above: set[str] = set()
    for name, named in ROOMS.items():
        assert named <= above, name
        above.add(name)


def test_no_modules_import_each_other_in_a_circle() -> None:
    assert circles(inside(GRAPH)) == []


def test_no_module_uses_anothers_private_names() -> None:
    assert private(PACKAGE) == []


def test_the_tests_touch_no_private_name() -> None:
    found = []
    for path in sorted(Path(__file__).parent.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Attribute) and re.match("_(?!_)", node.attr) and ast.unparse(node.value) != "self":
                found.append(f"{path.name}: {ast.unparse(node)}")
            elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith(PACKAGE.name):
                found += [f"{path.name}: {alias.name}" for alias in node.names if re.match("_(?!_)", alias.name)]
    others = r"os\._exit|theirs\._encode_pair"  # Python's own, and the evaluation harness's
    allowed = re.compile(rf".*\.({'|'.join(OF_A_NAMED_TUPLE)})|.*: ({others})")
    assert [name for name in found if not allowed.fullmatch(name)] == []


def test_gradio_is_in_the_page_alone() -> None:
    users = {name for name, named in GRAPH.items() if any(other.split(".")[0] == "gradio" for other in named)}
    assert users
    assert {name.split(".")[1] for name in users} == {"ui"}


def test_the_disk_the_table_and_the_readme_hold_the_same_rooms() -> None:
    disk = {path.name for path in PACKAGE.iterdir() if path.name != "__pycache__"}
    rooms = {name.removesuffix(".py") for name in disk} - {"__init__", "__main__", "py.typed"}
    assert rooms == set(ROOMS)
    assert len(rooms) <= MOST_ROOMS
    readme = (PACKAGE.parent / "README.md").read_text(encoding="utf-8")
    tree = re.search(r"^gptjt_demo/\n((?:  .*\n)+)", readme, re.MULTILINE)
    assert tree is not None
    entries = re.findall(r"^  (\S+)", tree[1], re.MULTILINE)
    assert sorted(entry.rstrip("/") for entry in entries) == sorted(disk)


UPWARD = [
    "import gptjt_demo.cli.app",
    "from gptjt_demo import cli",
    "from gptjt_demo.cli import app",
    "from gptjt_demo.cli.app import main",
    "from ..cli.app import main",
    "def late():\n    from gptjt_demo.cli.app import main",
    "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from gptjt_demo.cli import app",
    "try:\n    import gptjt_demo.cli.app as app\nexcept ImportError:\n    pass",
]


def made(folder: Path, files: dict[str, str]) -> Path:
    """A package of the same name with these files in it."""
    package = folder / "gptjt_demo"
    for name, text in {"__init__": "", "engine/__init__": "", "cli/__init__": "", "cli/app": ""}.items():
        files.setdefault(name, text)
    for name, text in files.items():
        path = package / f"{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return package


@pytest.mark.parametrize("text", UPWARD)
def test_an_upward_import_is_found_wherever_it_stands(tmp_path: Path, text: str) -> None:
    downward = {"engine/engine": "", "cli/app": "from gptjt_demo.engine import engine"}
    assert unlawful(imports(made(tmp_path, downward))) == []
    assert unlawful(imports(made(tmp_path, {"engine/engine": text}))) == ["engine imports cli"]


def test_a_room_that_nobody_placed_may_import_nothing(tmp_path: Path) -> None:
    assert unlawful(imports(made(tmp_path, {"extra": "import gptjt_demo.engine"}))) == ["extra imports engine"]


def test_a_circle_is_found_however_long(tmp_path: Path) -> None:
    files = {
        "engine/one": "from gptjt_demo.engine.two import x",
        "engine/two": "def x():\n    from gptjt_demo.engine import three",
        "engine/three": "from .one import x",
        "engine/four": "from .one import x",
    }
    assert circles(inside(imports(made(tmp_path, files)))) == [
        ["gptjt_demo.engine.one", "gptjt_demo.engine.three", "gptjt_demo.engine.two"]
    ]


def test_a_circle_of_rooms_is_found_where_no_modules_make_one(tmp_path: Path) -> None:
    files = {"engine/one": "import gptjt_demo.cli.app", "engine/two": "", "cli/app": "import gptjt_demo.engine.two"}
    graph = imports(made(tmp_path, files))
    assert circles(inside(graph)) == []
    assert circles(by_room(graph)) == [["cli", "engine"]]


BORROWED = ["from .engine import _inner", "from gptjt_demo.engine import engine\nengine._inner()"]


@pytest.mark.parametrize("text", BORROWED)
def test_a_borrowed_private_name_is_found(tmp_path: Path, text: str) -> None:
    assert len(private(made(tmp_path, {"engine/engine": "def _inner(): ...", "engine/user": text}))) == 1
