"""The commands over templates: what is shown is what is sent, and every problem of a file is one line."""

from __future__ import annotations

from command_line import run


def test_show_prints_the_exact_prompt_and_nothing_else(capsys):
    status, out, err = run(capsys, "templates", "show", "currency", "--prompt", "--input", "Chad")
    expected = (
        "Return the currency of the given country.\n\nInput: Switzerland\nOutput: Swiss Franc\n\nInput: Chad\nOutput:"
    )
    assert (status, out, err) == (0, expected, "")


def test_shown_yaml_is_the_template_again(capsys, tmp_path):
    _, out, _ = run(capsys, "templates", "show", "hate")
    (tmp_path / "hate.yaml").write_text(out, encoding="utf-8")
    status, out, _ = run(capsys, "templates", "check", tmp_path / "hate.yaml")
    assert status == 0
    assert "valid" in out


def test_list_names_every_template(capsys):
    _, out, _ = run(capsys, "templates", "list")
    assert [line.split()[0] for line in out.splitlines()][:5] == ["emotion", "currency", "hate", "entities", "cleaning"]


def test_a_users_folder_stands_before_the_shipped_one(capsys, tmp_path, monkeypatch):
    _, text, _ = run(capsys, "templates", "show", "currency")
    (tmp_path / "currency.yaml").write_text(text.replace("Return the", "Say the"), encoding="utf-8")
    _, out, _ = run(capsys, "templates", "show", "currency", "--prompts", tmp_path)
    assert "Say the" in out
    monkeypatch.setenv("GPTJT_PROMPTS", str(tmp_path))
    _, out, _ = run(capsys, "templates", "show", "currency")
    assert "Say the" in out


def test_several_inputs_are_given_by_name(capsys, tmp_path):
    path = tmp_path / "pair.yaml"
    path.write_text(
        "name: pair\ntitle: Pair\ninputs:\n  - {name: first, cue: A}\n  - {name: second, cue: B}\n", encoding="utf-8"
    )
    _, out, _ = run(capsys, "templates", "show", path, "--prompt", "-i", "first=x=y", "-i", "second=z")
    assert out == "A: x=y\nB: z\nOutput:"
    status, _, err = run(capsys, "templates", "show", path, "--prompt", "-i", "x")
    assert status == 2
    assert "NAME=TEXT" in err


def test_check_names_file_line_and_mend_and_goes_on_with_the_next_file(capsys, tmp_path):
    bad, good = tmp_path / "bad.yaml", tmp_path / "good.yaml"
    bad.write_text("name: bad\ntitle: Bad\noutput_cue: fear: high\n", encoding="utf-8")
    good.write_text("name: good\ntitle: Good\n", encoding="utf-8")
    status, out, err = run(capsys, "templates", "check", bad, good)
    assert status == 2
    assert "bad.yaml" in err
    assert "line 3" in err
    assert "good.yaml" in out
