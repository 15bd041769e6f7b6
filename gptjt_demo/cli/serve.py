"""The command `serve`: the page over one model and one library of templates."""

from __future__ import annotations

from typing import Annotated

import typer

from gptjt_demo.cli.options import DeviceOption, ModelOption, PromptsOption, open_engine, open_library
from gptjt_demo.cli.output import say
from gptjt_demo.errors import SettingError


def serve(
    model: ModelOption = None,
    device: DeviceOption = "auto",
    prompts: PromptsOption = None,
    host: Annotated[str, typer.Option(help="0.0.0.0 lets other machines in.")] = "127.0.0.1",
    port: Annotated[int | None, typer.Option(help="Default: the first free one from 7860.", min=1, max=65535)] = None,
) -> None:
    """Open the playground's page."""
    library = open_library(prompts)
    for problem in library.problems:
        say(f"left out: {problem}")
    engine = open_engine(model, device)
    from gptjt_demo.ui import build_app, launch_options

    try:
        build_app(engine, library).launch(server_name=host, server_port=port, **launch_options(engine))
    except OSError as error:
        raise SettingError(str(error), where="--port", mend="choose another port") from error
