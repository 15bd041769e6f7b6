"""What loads at an import: nothing heavy but where it is used, so that a command answers at once."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from imports import modules

PACKAGE = Path(__file__).parents[1] / "gptjt_demo"
HEAVY = {
    "accelerate",
    "babel",
    "bitsandbytes",
    "datasets",
    "faker",
    "gguf",
    "gradio",
    "llguidance",
    "matplotlib",
    "numpy",
    "openpyxl",
    "pandas",
    "playwright",
    "scipy",
    "sklearn",
    "tokenizers",
    "torch",
    "transformers",
}
FILES = [name for name in modules(PACKAGE) if not name.endswith("__main__")]


def of(*rooms: str) -> list[str]:
    """All modules of these rooms."""
    return [name for name in FILES if name.split(".")[1:2] and name.split(".")[1] in rooms]


# What is imported, and what of the heavy ones may come with it.
IMPORTS: dict[str, tuple[list[str], set[str]]] = {
    "the package": (["gptjt_demo"], set()),
    **{
        f"the room {path.stem}": ([f"gptjt_demo.{path.stem}"], set())
        for path in sorted(PACKAGE.iterdir())
        if path.stem not in ("ui", "__init__", "__main__", "__pycache__") and (path.suffix == ".py" or path.is_dir())
    },
    "the room ui": (["gptjt_demo.ui"], {"gradio", "numpy", "pandas", "PIL"}),
    "all of settings and errors": (of("settings", "errors"), set()),
    "all of tables": (of("tables"), set()),
    "all of templates": (of("templates"), set()),
    "all of batch": (of("batch"), set()),
    "all of api": (of("api"), set()),
    "what the models are": (["gptjt_demo.models.registry"], set()),
    "what commands there are": (["gptjt_demo.cli.app"], set()),
    "the checks of a template": (["gptjt_demo.evaluation.checks"], set()),
}


@pytest.mark.parametrize(("names", "allowed"), IMPORTS.values(), ids=IMPORTS)
def test_an_import_loads_nothing_heavy(names: list[str], allowed: set[str]) -> None:
    assert names
    program = f"import sys, {', '.join(names)}; print(*sorted({HEAVY} & {{*sys.modules}}))"
    assert set(output(program).split()) <= allowed


def test_the_help_of_every_command_loads_nothing_heavy() -> None:
    program = f"""
import sys, contextlib, io
import typer.main
from gptjt_demo.cli import main
from gptjt_demo.cli.app import command_line

def commands(command, path=()):
    yield path
    for name, below in getattr(command, "commands", {{}}).items():
        yield from commands(below, (*path, name))

def help(*path):
    with contextlib.suppress(SystemExit), contextlib.redirect_stdout(io.StringIO()) as told:
        main([*path, "--help"])
    assert "Usage" in told.getvalue(), path

help()
for path in commands(typer.main.get_command(command_line())):
    help(*path)
    heavy = {HEAVY} & {{*sys.modules}}
    assert not heavy, (path, heavy)
    print(*path)
"""
    shown = output(program).splitlines()
    assert {"complete", "templates list", "train", "bench", "doctor"} <= set(shown)


def test_a_name_of_the_package_is_loaded_when_it_is_used() -> None:
    program = f"import sys; from gptjt_demo import Template, Sampling; print(*sorted({HEAVY} & {{*sys.modules}}))"
    assert output(program).split() == []


def output(program: str) -> str:
    """What a fresh process prints; it must succeed, and say nothing on standard error."""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout
