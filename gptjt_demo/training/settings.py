"""Settings of a training run, with their units and ranges. No torch."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class TrainSettings(BaseModel):
    """How a model is trained. The defaults are the model card's where it names them."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    length: int = Field(2048, ge=8, le=1 << 20, description="Tokens of a packed sequence: the longest sample.")
    sequences: int = Field(64, ge=1, le=1 << 20, description="Packed sequences in a step, over all processes.")
    pass_tokens: int = Field(
        2048,
        ge=8,
        le=1 << 20,
        description="Most tokens in one forward and backward pass, of sequences that go whole; more take more memory.",
    )
    across: bool = Field(False, description="Whether a sequence's later documents see its earlier ones.")
    steps: int = Field(..., ge=1, description="Steps of the whole run; the learning rate reaches its end with them.")
    learning_rate: float = Field(1e-5, gt=0, le=1, description="Of AdamW, at its peak.")
    warmup: int = Field(0, ge=0, description="Steps in which the learning rate rises from zero.")
    final_rate: float = Field(0.1, ge=0, le=1, description="Part of the peak that the cosine ends at.")
    weight_decay: float = Field(0.0, ge=0, le=1, description="Of AdamW, on matrices; not on norms and biases.")
    beta1: float = Field(0.9, ge=0, lt=1, description="Decay of AdamW's mean gradient.")
    beta2: float = Field(0.95, ge=0, lt=1, description="Decay of AdamW's mean squared gradient.")
    clip: float = Field(1.0, gt=0, description="Largest norm of a step's gradient.")
    precision: Literal["bf16", "fp16", "fp32"] = Field(
        "bf16",
        description="Of the arithmetic. On the CPU bf16 keeps bfloat16 weights with float32 master copies; elsewhere "
        "weights are float32 and accelerate casts.",
    )
    freeze_embeddings: bool = Field(False, description="Leave the token embedding and the head as they are.")
    freeze_layers: int = Field(0, ge=0, description="Layers, from the first, that are left as they are.")
    recompute: bool = Field(
        False, description="Compute each layer again in the backward pass: less memory, a third more time."
    )
    held_out_minutes: float = Field(3.0, gt=0, description="Minutes between two held-out losses.")
    checkpoint_minutes: float = Field(3.0, gt=0, description="Minutes between two checkpoints.")
    seed: int = Field(0, ge=0, lt=2**32, description="Of what is random in the model (dropout).")
