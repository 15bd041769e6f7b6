"""The command line: each command is a few lines around one function of the package.

Results go to standard output, everything else to standard error; a user's mistake is one line and exit status 2.
Libraries are imported by the command that needs them, so that `--help` answers at once.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gptjt_demo.errors import PlaygroundError, PromptError, SettingError

if TYPE_CHECKING:
    from gptjt_demo.engine.engine import Engine
    from gptjt_demo.templates.library import Library
    from gptjt_demo.templates.template import Template

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="Few-shot prompting with GPT-JT in 8-bit, with prefix attention.",
)
templates = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="List, show, check and share templates.")
app.add_typer(templates, name="templates")

Model = Annotated[
    str | None,
    typer.Option("--model", envvar="GPTJT_MODEL", help="A known name, a folder or a hub id.", show_default="mini"),
]
Device = Annotated[str, typer.Option(help="auto, cpu or cuda.")]
Prompts = Annotated[
    list[Path] | None,
    typer.Option("--prompts", envvar="GPTJT_PROMPTS", help="A folder of your own templates; may be given twice."),
]
TemplateName = Annotated[str, typer.Argument(metavar="NAME", help="A template's name or file.")]
Name = Annotated[str, typer.Option("--template", "-t", help="A template's name or file.")]
Inputs = Annotated[
    list[str] | None,
    typer.Option("--input", "-i", help="The query; NAME=TEXT for each of several inputs. Default: the sample query."),
]
Mode = Annotated[str | None, typer.Option(help="prefix or causal. Default: the template's, else the model's.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")]


@app.command()
def complete(
    template: Name,
    input: Inputs = None,
    attention: Mode = None,
    model: Model = None,
    device: Device = "auto",
    prompts: Prompts = None,
    max_new_tokens: Annotated[str | None, typer.Option(help="Instead of the template's.")] = None,
    temperature: Annotated[str | None, typer.Option(help="Instead of the template's.")] = None,
    top_k: Annotated[str | None, typer.Option(help="Instead of the template's.")] = None,
    top_p: Annotated[str | None, typer.Option(help="Instead of the template's.")] = None,
    seed: Annotated[str | None, typer.Option(help="Same seed, same text; drawn where it is not given.")] = None,
    json_: Json = False,
) -> None:
    """Answer a query with a template."""
    from gptjt_demo.engine.results import STOP_REASONS
    from gptjt_demo.settings import Sampling

    chosen, prompt = _prompt(template, input, prompts)
    given = {"max_new_tokens": max_new_tokens, "temperature": temperature, "top_k": top_k, "top_p": top_p, "seed": seed}
    sampling = Sampling.read(chosen.generation.model_dump() | {k: v for k, v in given.items() if v is not None})
    mode = _mode(attention, chosen)
    engine = _engine(model, device)
    stream = engine.stream(prompt, sampling, attention=mode)
    for token in stream:
        if not json_:
            print(token.text, end="", flush=True)
    answer = stream.completion
    if json_:
        _print_json(
            {
                name: getattr(answer, name)
                for name in (
                    "text",
                    "model",
                    "attention",
                    "stop_reason",
                    "prompt_tokens",
                    "completion_tokens",
                    "seconds_to_first_token",
                    "tokens_per_second",
                    "forward_passes",
                    "drafted",
                    "accepted",
                    "seed",
                )
            }
        )
        return
    print()
    _say(
        f"{answer.model}, {answer.attention} attention; {STOP_REASONS[answer.stop_reason]}; "
        f"{answer.completion_tokens} tokens, {answer.seconds_to_first_token:.2f} s to the first, "
        f"{answer.tokens_per_second:.0f} tokens/s; "
        + (f"drafted {answer.drafted}, accepted {answer.accepted}; " if answer.drafted else "")
        + f"seed {answer.seed}"
    )


@app.command()
def score(
    template: Name,
    input: Inputs = None,
    label: Annotated[list[str] | None, typer.Option(help="Instead of the template's; give it twice or more.")] = None,
    rule: Annotated[str, typer.Option(help="logprob, per_token or per_byte: what the shares come from.")] = "logprob",
    attention: Mode = None,
    model: Model = None,
    device: Device = "auto",
    prompts: Prompts = None,
    json_: Json = False,
) -> None:
    """Say how likely each label is as the answer."""
    from gptjt_demo.engine.label_scores import RULES, check_labels

    chosen, prompt = _prompt(template, input, prompts)
    labels = label or list(chosen.labels)
    if not labels:
        raise PromptError("the template has no labels", where=chosen.name, mend="give some with --label")
    check_labels(labels, rule)  # type: ignore[arg-type]  # a string from the command line, refused there if it is none
    mode = _mode(attention, chosen)
    engine = _engine(model, device)
    scores = engine.score(prompt, labels, rule=rule, attention=mode)  # type: ignore[arg-type]
    mode = engine.resolve(mode)
    if json_:
        rows = [{k: getattr(s, k) for k in ("label", "logprob", "per_token", "per_byte", "share")} for s in scores]
        _print_json({"model": engine.name, "attention": mode, "rule": rule, "labels": rows})
        return
    width = max(len(s.label) for s in scores)
    for s in sorted(scores, key=lambda s: -s.share):
        print(f"{s.label:{width}}  {s.share:6.1%}  {'█' * round(30 * s.share)}")
    _say(f"{engine.name}, {mode} attention; shares by {RULES[rule]}")  # type: ignore[index]


@templates.command("list")
def list_templates(prompts: Prompts = None) -> None:
    """List the templates."""
    library = _library(prompts)
    width = max(len(name) for name in library.names)
    for template in library:
        print(f"{template.name:{width}}  {template.title}: {template.description}")
    for problem in library.problems:
        _say(f"left out: {problem}")


@templates.command("show")
def show_template(
    name: TemplateName,
    prompt: Annotated[bool, typer.Option("--prompt", help="Print the exact prompt and nothing else.")] = False,
    input: Inputs = None,
    prompts: Prompts = None,
) -> None:
    """Show a template's file, or the exact prompt for a query."""
    chosen = _template(name, prompts)
    if prompt or input:
        sys.stdout.write(chosen.render(_query(chosen, input)))
    else:
        sys.stdout.write(chosen.to_yaml())


@templates.command("check")
def check_templates(
    files: Annotated[list[Path], typer.Argument(help="Template files.")],
    run: Annotated[bool, typer.Option("--run", help="Put each template's checks to the model.")] = False,
    model: Model = None,
    device: Device = "auto",
) -> None:
    """Check template files; every problem is one line, and the exit status is 2 if there is one.

    With --run a wrong answer is a line too, but no problem: it says something about the model.
    """
    from gptjt_demo.templates.lint.finding import count
    from gptjt_demo.templates.template import Template

    good, problems = [], 0
    for file in files:
        try:
            template = Template.load(file)
        except PlaygroundError as error:
            problems += 1
            _say(f"error: {error}")
        else:
            good.append(template)
            size = f"{count(len(template.examples), 'example')}, {count(len(template.labels), 'label')}"
            print(f"{file}: {template.name}, {size}, valid")
    if run and good:
        from gptjt_demo.evaluation.checks import run_checks

        engine = _engine(model, device)
        for template in good:
            report = run_checks(engine, template)
            print(f"{template.name}: {report}", *(f"  {result}" for result in report.wrong), sep="\n")
    if problems:
        raise typer.Exit(2)


@templates.command("link")
def link_template(name: TemplateName, prompts: Prompts = None) -> None:
    """Print a link's part from # on; behind a page's address it opens the template there."""
    from gptjt_demo.templates.link import to_fragment

    print(to_fragment(_template(name, prompts)))


@templates.command("import")
def import_templates(
    source: Annotated[str, typer.Argument(help="A link, a file, or - for standard input.")],
    out: Annotated[
        Path | None, typer.Option(help="A folder to write a file for each into; else they are printed.")
    ] = None,
) -> None:
    """Read a link, a model card's widget, an llm template or a raw prompt."""
    from gptjt_demo.templates.formats import load, save

    found = load(source)
    if out is None:
        sys.stdout.write("---\n".join(template.to_yaml() for template in found))
    else:
        print(*save(found, out), sep="\n")


@templates.command("export")
def export_template(
    name: TemplateName,
    to: Annotated[str, typer.Option(help="yaml, hf-widget, lm-eval, python, curl or gradio-client.")],
    prompts: Prompts = None,
) -> None:
    """Print a template in another tool's format."""
    from gptjt_demo.templates.formats import export

    sys.stdout.write(export(_template(name, prompts), to))


@app.command()
def serve(
    model: Model = None,
    device: Device = "auto",
    prompts: Prompts = None,
    host: Annotated[str, typer.Option(help="0.0.0.0 lets other machines in.")] = "127.0.0.1",
    port: Annotated[int | None, typer.Option(help="Default: the first free one from 7860.", min=1, max=65535)] = None,
) -> None:
    """Open the playground's page."""
    library = _library(prompts)
    for problem in library.problems:
        _say(f"left out: {problem}")
    engine = _engine(model, device)
    from gptjt_demo.ui import build_app, launch_options

    try:
        build_app(engine, library).launch(server_name=host, server_port=port, **launch_options(engine))
    except OSError as error:
        raise SettingError(str(error), where="--port", mend="choose another port") from error


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command; a user's mistake becomes one line on standard error and exit status 2."""
    import gptjt_demo.cli.bench
    import gptjt_demo.cli.models
    import gptjt_demo.cli.rows
    import gptjt_demo.cli.train  # noqa: F401  # their commands are this app's, and need its options
    from gptjt_demo.batch import sharding

    mistake = ""

    try:
        status = app(arguments, prog_name="gptjt-demo", standalone_mode=False)
    except PlaygroundError as error:
        mistake, status = str(error), 2
    except typer.TyperException as error:  # a wrong option or argument
        mistake, status = " ".join(error.format_message().split()), 2
    except (KeyboardInterrupt, typer.Abort):
        status = 130
    if mistake and sharding.first():  # one line, not one a process
        _say(f"error: {mistake}")
    sys.exit(status)


def _library(prompts: list[Path] | None) -> Library:
    from gptjt_demo.templates.library import Library

    return Library.open(prompts or ())


def _template(name: str, prompts: list[Path] | None) -> Template:
    return _library(prompts).load(name)


def _prompt(name: str, inputs: list[str] | None, prompts: list[Path] | None) -> tuple[Template, str]:
    template = _template(name, prompts)
    return template, template.ask(_query(template, inputs))


def _query(template: Template, inputs: list[str] | None) -> str | dict[str, str]:
    """`--input TEXT` for one input, `--input NAME=TEXT` for each of several; the sample query where there is none."""
    if not inputs:
        return template.query
    if len(template.inputs) == 1:
        if len(inputs) > 1:
            raise PromptError(f"{template.name} has one input", where="--input", mend="give it once")
        return inputs[0]
    pairs = [text.partition("=") for text in inputs]
    for name, sign, _ in pairs:
        if not sign:
            names = ", ".join(item.name for item in template.inputs)
            raise PromptError(f"{name!r} is not NAME=TEXT", where="--input", mend=f"{template.name} has {names}")
    return {name: text for name, _, text in pairs}


def _mode(asked: str | None, template: Template) -> Any:
    """The call's word, else the template's; None leaves it to the engine."""
    if asked not in (None, "prefix", "causal"):
        raise SettingError(f"{asked!r} is neither prefix nor causal", where="--attention")
    return asked or template.attention


def _engine(model: str | None, device: str) -> Engine:
    from gptjt_demo.models.loading import load
    from gptjt_demo.models.registry import DEFAULT_MODEL

    if device not in ("auto", "cpu", "cuda"):
        raise SettingError(f"{device!r} is no device", where="--device", mend="use auto, cpu or cuda")
    return load(
        model or DEFAULT_MODEL,
        device=device,  # type: ignore[arg-type]  # checked above
        progress=sys.stderr.isatty(),
    )


def _print_json(value: object) -> None:
    print(json.dumps(value, ensure_ascii=False))


def _say(line: str) -> None:
    print(line, file=sys.stderr)
