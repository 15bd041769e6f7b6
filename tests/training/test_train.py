"""The training loop on a tiny model: it learns, survives a kill, and continues to the same bits."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from accelerate import Accelerator
from safetensors.torch import load_file
from tiny import FAMILIES, config, model
from training_run import run, settings

from gptjt_demo.errors import PlaygroundError, SettingError
from gptjt_demo.training.run import log
from gptjt_demo.training.run.checkpoints import KEPT, Checkpoints
from gptjt_demo.training.run.freezing import freeze
from gptjt_demo.training.run.optimiser import Masters
from gptjt_demo.training.run.schedule import rate
from gptjt_demo.training.throughput import measure

HERE = Path(__file__).parents[1]


def weights(out: Path) -> dict[str, torch.Tensor]:
    return load_file(out / "model" / "model.safetensors")


def losses(out: Path) -> list[float]:
    return [line["loss"] for line in log.read(out / "log.jsonl", "step")]


def assert_same_run(one: Path, other: Path) -> None:
    assert losses(one) == losses(other)
    first, second = weights(one), weights(other)
    assert first.keys() == second.keys()
    assert all(torch.equal(first[name], second[name]) for name in first)


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("unbroken")
    assert run(out, 8).finished
    return out


def test_a_second_run_in_a_folder_is_refused_while_the_first_lives(tmp_path: Path) -> None:
    held = log.TrainingLog(tmp_path / "log.jsonl")
    held.write("run", {})
    with pytest.raises(PlaygroundError, match="another run is writing to it"):
        log.TrainingLog(tmp_path / "log.jsonl")
    held.close()
    log.TrainingLog(tmp_path / "log.jsonl", 4).close()
    assert (tmp_path / "log.jsonl").stat().st_size == 4


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("precision", ["bf16", "fp32"])
def test_its_loss_falls_and_it_leaves_a_model_a_log_and_a_picture(family: str, precision: str, tmp_path: Path) -> None:
    done = run(tmp_path / "run", 25, family=family, more={"precision": precision})
    found = losses(tmp_path / "run")
    assert (done.step, done.finished, len(found)) == (25, True, 25)
    assert sum(found[-5:]) < 0.7 * sum(found[:5])
    held_out = log.read(tmp_path / "run" / "log.jsonl", "held-out")
    assert held_out[-1]["losses"]["words"] == done.held_out["words"] < 0.7 * held_out[0]["losses"]["words"]
    (end,) = log.read(tmp_path / "run" / "log.jsonl", "end")
    assert end["tokens_per_second"] == pytest.approx(done.tokens_per_second, abs=0.1)
    assert all(tensor.dtype == torch.float32 for tensor in weights(tmp_path / "run").values())
    assert json.loads((tmp_path / "run" / "model" / "config.json").read_text())["dtype"] == "float32"
    assert (tmp_path / "run" / "loss.png").read_bytes().startswith(b"\x89PNG")


def test_what_it_leaves_is_a_model_that_loads_in_both_layouts(unbroken: Path) -> None:
    from gptjt_demo.models.loading import load

    for name in ("model", "model-8bit"):
        engine = load(unbroken / name, progress=False)
        assert engine.supports_prefix
        assert engine.complete("north north ").tokens


def test_stopped_by_its_minutes_it_goes_on_to_the_same_bits(unbroken: Path, tmp_path: Path) -> None:
    done = run(tmp_path, 8, minutes=0)
    assert (done.step, done.finished) == (1, False)
    assert (tmp_path / "model" / "config.json").is_file()
    while not done.finished:
        done = run(tmp_path, 8, minutes=0, resume=True)
    assert_same_run(unbroken, tmp_path)


def test_dropout_goes_on_the_same(tmp_path: Path) -> None:
    one, other, dropping = tmp_path / "one", tmp_path / "other", {"resid_pdrop": 0.2}
    run(one, 3, family="gptj", shape=dropping)
    done = run(other, 3, family="gptj", shape=dropping, minutes=0)
    while not done.finished:
        torch.manual_seed(int(1e6) + done.step)
        done = run(other, 3, family="gptj", shape=dropping, minutes=0, resume=True)
    assert_same_run(one, other)


def test_killed_it_goes_on_to_the_same_bits(unbroken: Path, tmp_path: Path) -> None:
    command = [sys.executable, str(HERE / "training_run.py"), str(tmp_path / "run"), "8", "new", "bf16"]
    out = tmp_path / "run-bf16"
    file = out / "log.jsonl"
    with subprocess.Popen(command, stderr=subprocess.PIPE) as process:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and process.poll() is None:
            if file.is_file() and len(log.read(file, "step")) >= 3:
                break
            time.sleep(0.002)
        process.send_signal(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    assert Checkpoints(out / "checkpoints").newest() is not None
    run(out, 8, resume=True)
    assert_same_run(unbroken, out)


def test_an_interrupt_ends_it_after_a_step_with_a_checkpoint(unbroken: Path, tmp_path: Path) -> None:
    sent: list[bool] = []

    def interrupt() -> None:
        if not sent and (tmp_path / "log.jsonl").is_file() and len(losses(tmp_path)) == 3:
            sent.append(True)
            os.kill(os.getpid(), signal.SIGTERM)

    before = signal.getsignal(signal.SIGTERM)
    done = run(tmp_path, 8, told=interrupt)
    assert not done.finished
    assert done.step == 4
    assert signal.getsignal(signal.SIGTERM) == before
    run(tmp_path, 8, resume=True)
    assert_same_run(unbroken, tmp_path)


def test_a_run_is_not_overwritten_and_not_resumed_with_other_settings(unbroken: Path) -> None:
    with pytest.raises(SettingError, match="holds a run already"):
        run(unbroken, 8)
    with pytest.raises(SettingError, match=r"other settings: learning_rate, steps"):
        run(unbroken, 9, resume=True, more={"learning_rate": 1e-4})


def test_fp16_on_a_cpu_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="needs a GPU"):
        run(tmp_path, 1, more={"precision": "fp16"})


def test_two_processes_reach_what_one_reaches(tmp_path: Path) -> None:
    # Its --cpu starts one process, or MPI; --multi_gpu starts as many as it is told, with a GPU or without.
    command = [sys.executable, "-m", "accelerate.commands.launch", "--multi_gpu", "--num_processes", "2"]
    command += ["--num_machines", "1", "--mixed_precision", "no", "--dynamo_backend", "no"]
    command += ["--main_process_port", "0", str(HERE / "training_run.py"), str(tmp_path / "two"), "3", "new"]
    done = subprocess.run([*command, "bf16", "fp32"], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    for precision in ("bf16", "fp32"):
        alone, two = tmp_path / precision, tmp_path / f"two-{precision}"
        run(alone, 3, more={"precision": precision})
        assert losses(two) == pytest.approx(losses(alone), rel=1e-3)
        assert log.read(two / "log.jsonl", "run")[0]["processes"] == 2
        for name, weight in weights(two).items():
            torch.testing.assert_close(weight, weights(alone)[name], rtol=1e-2, atol=5e-3)


def test_updates_too_small_for_bfloat16_are_not_lost() -> None:
    trained = model("llama")
    masters = Masters(trained, settings(1, learning_rate=1e-6), Accelerator(cpu=True))
    weight = trained.model.layers[0].mlp.up_proj.weight
    assert weight.dtype == torch.bfloat16
    before = weight.detach().clone()
    first = masters.weights()["model.layers.0.mlp.up_proj.weight"].clone()
    for _ in range(50):
        masters.begin(1e-5)
        masters.backward(weight.float().sum())
        masters.step()
    after = masters.weights()["model.layers.0.mlp.up_proj.weight"]
    torch.testing.assert_close(first - after, torch.full_like(first, 50e-5), rtol=0.05, atol=1e-6)
    moved = (weight != before).float().mean()
    assert moved > 0.3  # the copies follow, though no single update was enough for most of them


def test_gradients_of_a_step_add_up_in_float32() -> None:
    trained = model("llama")
    masters = Masters(trained, settings(1), Accelerator(cpu=True))
    weight = trained.model.norm.weight
    for _ in range(512):  # in bfloat16, 256 + 1 is 256
        masters.backward(weight.float().sum())
    assert weight.grad is None
    assert masters.step() == pytest.approx(512 * len(weight) ** 0.5)  # the norm of a gradient that is 512 everywhere


def test_how_many_sequences_go_through_in_one_pass_changes_rounding_alone(unbroken: Path, tmp_path: Path) -> None:
    run(tmp_path, 8, more={"pass_tokens": 96})
    assert losses(tmp_path) == pytest.approx(losses(unbroken), rel=0.02)


def test_frozen_parts_stay_and_the_rest_moves(tmp_path: Path) -> None:
    before = {name: tensor.clone() for name, tensor in model("llama").state_dict().items()}
    run(tmp_path, 2, more={"freeze_embeddings": True, "freeze_layers": 1})
    for name, tensor in weights(tmp_path).items():
        frozen = "embed_tokens" in name or ".layers.0." in name
        assert torch.equal(tensor, before[name]) == frozen, name
    with pytest.raises(SettingError, match="2 layers"):
        freeze(model("llama"), settings(1, freeze_layers=2))


def test_the_rate_rises_and_falls_along_a_cosine() -> None:
    given = settings(10, warmup=4, learning_rate=1.0, final_rate=0.2)
    found = [rate(given, step) for step in range(1, 11)]
    assert found[:4] == [0.25, 0.5, 0.75, 1.0]
    assert found[6] == pytest.approx(0.6)  # half way down
    assert found[9] == pytest.approx(0.2)
    assert found[4:] == sorted(found[4:], reverse=True)


def test_the_naive_loop_is_measured_on_the_same_samples() -> None:
    found = measure(config("llama"), settings(1, length=512), samples=4, rounds=1)
    assert found["ratio"] == pytest.approx(found["ours"] / found["naive"], rel=0.01)


def test_a_checkpoint_is_there_whole_or_not_at_all(tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path)

    def write(folder: Path) -> None:
        (folder / "state").write_text("whole")

    def fail(folder: Path) -> None:
        (folder / "state").write_text("ha")
        raise OSError("no space left")

    for step in (1, 2, 3):
        checkpoints.write(step, write, wait=lambda: None)
    with pytest.raises(OSError, match="no space"):
        checkpoints.write(4, fail, wait=lambda: None)
    newest = Checkpoints(tmp_path).newest()
    assert newest is not None
    assert newest.name == "step-00000003"
    assert (newest / "state").read_text() == "whole"
    checkpoints.write(5, write, wait=lambda: None)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["step-00000003", "step-00000005"]
    assert KEPT == 2
