"""The entry of a Hugging Face Space, and of `python app.py`: the command `serve`, with what the environment names.

GPTJT_MODEL names the model, GPTJT_PROMPTS folders of further templates, GRADIO_SERVER_NAME and GRADIO_SERVER_PORT the
address; the options of `serve` may stand behind it. The model is loaded before the launch, because a ZeroGPU Space
packs its CUDA tensors there.
"""

from __future__ import annotations

import sys

from gptjt_demo.cli import main

if __name__ == "__main__":
    main(["serve", *sys.argv[1:]])
