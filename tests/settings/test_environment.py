"""The environment's variables: one table, read when something asks, and a wrong one named in a line."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
from imports import modules

from gptjt_demo.errors import SettingError
from gptjt_demo.settings import environment

PACKAGE = Path(__file__).parents[2] / "gptjt_demo"
SOURCES = {name: path.read_text(encoding="utf-8") for name, path in modules(PACKAGE).items()}


def test_the_readme_shows_the_table() -> None:
    assert environment.table() in (PACKAGE.parent / "README.md").read_text(encoding="utf-8")


def test_every_variable_that_anything_names_is_in_the_table() -> None:
    known = {variable.name for variable in environment.VARIABLES}
    named = {name for text in SOURCES.values() for name in re.findall(r"\bGPTJT_[A-Z][A-Z_]*[A-Z]\b", text)}
    assert named <= known
    assert len(known) == len(environment.VARIABLES)


def test_our_variables_are_read_in_one_module() -> None:
    readers = {
        name
        for name, text in SOURCES.items()
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Call | ast.Subscript)
        and re.match(r"(os\.)?(environ|getenv).*['\"](GPTJT|GRADIO|SPACE)_", ast.unparse(node))
    }
    assert readers <= {"gptjt_demo.settings.environment"}


def test_no_module_reads_the_environment_while_it_is_imported() -> None:
    def at_import(node: ast.AST) -> bool:
        """Whether anything but a function's body names the environment."""
        if isinstance(node, ast.Attribute) and node.attr in ("environ", "getenv"):
            return True
        inner = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
        return any(at_import(child) for child in ast.iter_child_nodes(node) if not isinstance(child, inner))

    assert {name for name, text in SOURCES.items() if at_import(ast.parse(text))} == set()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("GPTJT_ATTENTION", "sideways"),
        ("GPTJT_WAY", "warp"),
        ("GRADIO_SERVER_PORT", "many"),
        ("GRADIO_SERVER_PORT", "0"),
        ("GRADIO_SERVER_PORT", "²"),
        ("GRADIO_ROOT_PATH", "playground"),
        ("GPTJT_MODLE", "mini"),
    ],
)
def test_a_wrong_variable_is_one_line_that_names_it(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    environment.check()
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingError) as refused:
        environment.check()
    assert name in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_mistyped_name_is_told_the_nearest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GPTJT_MODLE", "mini")
    with pytest.raises(SettingError, match="did you mean 'GPTJT_MODEL'"):
        environment.check()


def test_a_blank_variable_is_one_that_is_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in environment.VARIABLES:
        monkeypatch.setenv(variable.name, " ")
        assert variable.read() == variable.default


def test_a_space_has_defaults_of_its_own_and_what_is_set_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GRADIO_SERVER_PORT", raising=False)
    assert environment.PORT.read() is None
    monkeypatch.setenv("SPACE_ID", "someone/some-space")
    assert environment.PORT.read() == 7860
    monkeypatch.setenv("GRADIO_SERVER_PORT", "8000")
    assert environment.PORT.read() == 8000
