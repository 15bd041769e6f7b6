from __future__ import annotations

import json

import pytest
from fake_engine import FakeEngine

from gptjt_demo import cli


def test_bench_prints_a_table_and_then_one_json_line_with_its_keys(capsys, monkeypatch):
    monkeypatch.setattr(cli, "_engine", lambda model, device: FakeEngine(default="a,b,c", delay=0.0005))
    with pytest.raises(SystemExit):
        cli.main(["bench", "--rounds", "1"])
    *table, line = capsys.readouterr().out.splitlines()
    figures = json.loads(line)
    assert set(figures) == {
        "model", "prefill32", "prefill160", "prefill512", "decode", "score6_over_prefill",
        "rows_prefix", "rows_prefix_vs_loop", "rows_causal", "rows_causal_vs_loop",
    }  # fmt: skip
    assert len(table) == len(figures) - 1
    assert all(value > 0 for key, value in figures.items() if key != "model")
