"""Few-shot episodes with gold answers, made on this machine: the families of tasks, and how a task becomes a prompt."""

from gptjt_demo.training.episodes.families import FAMILIES
from gptjt_demo.training.episodes.formats import render

__all__ = ["FAMILIES", "render"]
