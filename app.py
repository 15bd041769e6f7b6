"""The entry of a Hugging Face Space, and of `python app.py`: load a model, build the page, launch.

The environment names the model (GPTJT_MODEL) and a folder of further templates (GPTJT_PROMPTS). The model is loaded
before the launch, because a ZeroGPU Space packs its CUDA tensors there.
"""

from __future__ import annotations

import os

from gptjt_demo.models.loading import load
from gptjt_demo.models.registry import DEFAULT_MODEL
from gptjt_demo.templates.library import Library
from gptjt_demo.ui import build_app, launch_options


def main() -> None:
    """Serve the page. Gradio reads the address from GRADIO_SERVER_NAME and GRADIO_SERVER_PORT."""
    library = Library.open([folder for folder in [os.environ.get("GPTJT_PROMPTS")] if folder])
    engine = load(os.environ.get("GPTJT_MODEL") or DEFAULT_MODEL)
    build_app(engine, library).launch(**launch_options(engine))


if __name__ == "__main__":
    main()
