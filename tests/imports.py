"""What the modules of a package import, read from their code without running it: at the top, late, or for types alone.

In: a package's folder. Out: for each module the modules of the package that it names, and other packages' names.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path

Graph = Mapping[str, set[str]]  # a module's dotted name -> the names it imports


def modules(package: Path) -> dict[str, Path]:
    """Every module of a package by its dotted name; a folder's is its `__init__`'s."""
    found = {}
    for path in sorted(package.rglob("*.py")):
        parts = path.relative_to(package.parent).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imports(package: Path) -> Graph:
    """What each module names in an import; `from a import b` is `a.b` where that is a module, else `a`."""
    files = modules(package)
    return {name: set(_named(name, path, files)) - {name} for name, path in files.items()}


def inside(graph: Graph) -> Graph:
    """The graph without other packages."""
    return {name: {other for other in named if other in graph} for name, named in graph.items()}


def room(module: str) -> str:
    """The entry at the package's top level that a module belongs to."""
    return module.split(".")[1] if "." in module else "__init__"


def by_room(graph: Graph) -> Graph:
    """The graph between rooms: which of them some module of a room imports."""
    rooms: dict[str, set[str]] = {room(name): set() for name in graph}
    for name, named in inside(graph).items():
        rooms[room(name)] |= {room(other) for other in named} - {room(name)}
    return rooms


def circles(graph: Graph) -> list[list[str]]:
    """The groups of names that reach each other, however long the way round."""
    reached = {name: _reached(name, graph) for name in graph}
    within = [name for name in graph if name in reached[name]]
    groups = {tuple(sorted(other for other in reached[name] if name in reached[other])) for name in within}
    return sorted(map(list, groups))


def _reached(start: str, graph: Graph) -> set[str]:
    found: set[str] = set()
    waiting = [start]
    while waiting:
        new = graph.get(waiting.pop(), set()) - found
        found |= new
        waiting += new
    return found


def _named(module: str, path: Path, files: Mapping[str, Path]) -> Iterator[str]:
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            parents = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            base = ".".join([*parents, *([node.module] if node.module else [])])
            for alias in node.names:
                yield f"{base}.{alias.name}" if f"{base}.{alias.name}" in files else base
