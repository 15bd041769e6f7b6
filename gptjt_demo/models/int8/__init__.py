"""Linears over int8 weights: the CPU's kernels and how they are chosen, and LLM.int8() on CUDA."""
