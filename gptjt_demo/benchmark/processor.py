"""The processor: which instructions it has that matter here, and the settings that hide the newer ones.

In: what torch finds, and the way of multiplying that is forced, if one is. Out: names of instruction sets, the class
whose targets count, and environment settings. Does not know who is measured. Loads torch only where a processor is
looked at, which is in a worker.
"""

from __future__ import annotations

from collections.abc import Collection

FEATURES = (  # torch's names of the instruction sets that 8-bit and 16-bit products use
    "avx2", "avx_vnni", "avx512_f", "avx512_vnni", "avx512_bf16", "amx_int8", "amx_bf16",
    "neon", "dot", "i8mm", "bf16", "sve", "sve2",
)  # fmt: skip

AVX2, VNNI = "AVX2", "AVX-512 VNNI"  # classes of processors that have targets of their own

# Each library's own switch. MKL's does nothing on processors that are not Intel's. llama.cpp has none: it runs what it
# was built for. Numba takes the features of the processor that it is told, once it is told that there are no others.
_AS_AVX2 = {
    "ATEN_CPU_CAPABILITY": "avx2",
    "ONEDNN_MAX_CPU_ISA": "AVX2",
    "MKL_ENABLE_INSTRUCTIONS": "AVX2",
    "CT2_FORCE_CPU_ISA": "AVX2",
    "NUMBA_CPU_NAME": "haswell",
    "NUMBA_CPU_FEATURES": "",
}


def features() -> list[str]:
    """The instruction sets of `FEATURES` that this processor has, whatever a setting hides."""

    from gptjt_demo.models.int8.kernels import capabilities

    has = capabilities()
    return [name for name in FEATURES if has.get(name)]


def bfloat16() -> bool:
    """Whether bfloat16 is the fast type here: the processor multiplies it, and no setting hides that from oneDNN.

    Where it does not, oneDNN imitates it on AVX-512, at half the speed of float32, and torch on AVX2, far slower.
    """
    import torch

    native = any(name.endswith("bf16") for name in features())
    return native and bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())


def kind(found: Collection[str], way: str | None) -> str:
    """The class whose targets count; "" where there are none.

    Args:
        found: what `features` gave.
        way: the one that is forced, if one is.
    """
    if way != "avx2" and {"avx512_vnni", "amx_int8"} & set(found):
        return VNNI
    return AVX2 if "avx2" in found else ""


def settings(way: str | None) -> dict[str, str]:
    """The environment in which all take a way: ours by its name, other libraries by switches of their own."""
    if way is None:
        return {}
    return {"GPTJT_WAY": way} | (_AS_AVX2 if way == "avx2" else {})
