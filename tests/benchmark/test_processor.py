from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from tiny import model

from gptjt_demo.benchmark import processor
from gptjt_demo.benchmark.peers import Transformers
from gptjt_demo.benchmark.targets import target


def has(monkeypatch: pytest.MonkeyPatch, *names: Any, onednn: bool = True) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx2": False, **dict.fromkeys(names, True)})
    monkeypatch.setattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", lambda: onednn)


def test_instruction_sets_that_matter_are_named_and_others_are_not(monkeypatch: pytest.MonkeyPatch) -> None:
    has(monkeypatch, "sse", "avx2", "avx_vnni")
    assert processor.features() == ["avx2", "avx_vnni"]


@pytest.mark.parametrize(
    ("names", "onednn", "fast"),
    [
        (("avx2",), True, False),
        (("avx2", "avx512_f", "avx512_vnni"), True, False),  # oneDNN imitates it there
        (("avx2", "avx512_f", "avx512_bf16"), True, True),
        (("avx2", "avx512_f", "avx512_bf16"), False, False),  # a setting hides it
        (("neon", "bf16"), True, True),
    ],
)
def test_bfloat16_is_the_fast_type_only_where_the_processor_has_it(
    monkeypatch: pytest.MonkeyPatch, names: Any, onednn: bool, fast: bool
) -> None:
    has(monkeypatch, *names, onednn=onednn)
    assert processor.bfloat16() is fast


@pytest.mark.parametrize(("names", "dtype"), [(("avx2",), torch.float32), (("avx512_bf16",), torch.bfloat16)])
def test_a_peer_runs_in_the_type_that_is_its_fastest_here(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, names: Any, dtype: Any
) -> None:
    model("gptj").bfloat16().save_pretrained(tmp_path)
    has(monkeypatch, *names)
    grad, threads = torch.is_grad_enabled(), torch.get_num_threads()
    try:
        peer = Transformers(threads=1, folder=str(tmp_path), ids={"32": list(range(32))}, decoded=2, eight_bit=False)
        assert peer.prefill32() > 0
        assert peer.decode() > 0
    finally:
        torch.set_grad_enabled(grad)
        torch.set_num_threads(threads)
    assert peer.model.dtype is dtype
    assert peer.facts["build"].endswith(f"; {str(dtype).removeprefix('torch.')}")
    assert "transformers " in peer.facts["build"]


def test_classes_of_processors_have_targets_of_their_own() -> None:
    vnni, avx2 = ["avx2", "avx512_f", "avx512_vnni"], ["avx2", "avx_vnni"]
    assert processor.kind(vnni, None) == processor.kind(vnni, "torch") == processor.VNNI
    assert processor.kind(avx2, None) == processor.kind(vnni, "avx2") == processor.AVX2
    assert processor.kind(["neon"], None) == ""
    for kind, must in ((processor.AVX2, 0.9), (processor.VNNI, 0.7)):
        found = target("decode_vs_llama_cpp", kind)
        assert found is not None
        assert found.must == must
    assert target("decode_vs_llama_cpp", "") is None
    assert target("score6_over_prefill", "") == target("score6_over_prefill", processor.AVX2)


def test_the_switches_make_torch_see_no_more_than_avx2() -> None:
    code = (
        "import torch; print(torch.backends.cpu.get_cpu_capability(), torch.ops.mkldnn._is_mkldnn_bf16_supported(), "
        "__import__('os').environ['GPTJT_WAY'])"
    )
    environment = {**os.environ, **processor.settings("avx2")}
    found = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert found.stdout.split() in (["AVX2", "False", "avx2"], ["DEFAULT", "False", "avx2"])


def test_a_way_that_is_not_avx2_changes_nothing_for_peers() -> None:
    assert processor.settings("vnni") == {"GPTJT_WAY": "vnni"}
    assert processor.settings(None) == {}
