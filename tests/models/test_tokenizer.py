"""Tokenizers read without transformers are those of transformers, to the id."""

from __future__ import annotations

import copy
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import tiny
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import AutoTokenizer

from gptjt_demo.engine.vocabulary import Vocabulary
from gptjt_demo.errors import ModelError
from gptjt_demo.models.registry import MODELS
from gptjt_demo.models.tokenizer import FileTokenizer, has_tokenizer, read_tokenizer

MINI = MODELS["mini"].source
TEXTS = [
    "",
    " ",
    "Hello world, it's  two spaces\n\n\ttab",
    " leading and trailing ",
    "naïve café 北京 🙂🏽 \u200b\ufeff",
    "a<|endoftext|>b <|im_start|>user<|im_end|> <|extratoken_3|>",
    "<|endoftext|>",
    "12,345.67 don't we'll I'M",
    "\r\n\x00\x7f",
    "é" * 40,
]


def gpt2_style(folder: Path, **config: Any) -> Any:
    """A byte-level BPE of some merges with GPT-J's padding tokens, as GPT-J's repository holds its own."""
    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=400,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        special_tokens=["<|endoftext|>"],
        show_progress=False,
    )
    made.train_from_iterator(["Hello world, don't you know the world? Yes, the whole world of words."] * 3, trainer)
    made.add_tokens([f"<|extratoken_{i}|>" for i in range(1, 8)])
    folder.mkdir(exist_ok=True)
    made.save(str(folder / "tokenizer.json"))
    (folder / "config.json").write_text(json.dumps({"model_type": "gptj"}))
    (folder / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": "GPT2Tokenizer"} | config))
    return folder


@pytest.fixture(scope="module", params=["mini", "gpt2", "gpt2 by name", "special tokens in their own file", "bytes"])
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A folder with a tokenizer.json."""
    made = tmp_path_factory.mktemp("made")
    if request.param == "mini":
        return MINI
    if request.param == "bytes":
        tiny.tokenizer().save_pretrained(made)
        return made
    token = {"content": "<|endoftext|>", "lstrip": False, "normalized": True, "rstrip": False, "single_word": False}
    if request.param == "gpt2 by name":
        return gpt2_style(
            made,
            bos_token=token | {"__type": "AddedToken"},
            eos_token="<|endoftext|>",
            extra_special_tokens=["<|extratoken_7|>"],
        )
    gpt2_style(made)
    if request.param == "special tokens in their own file":
        (made / "special_tokens_map.json").write_text(json.dumps({"eos_token": token, "pad_token": "<|extratoken_1|>"}))
    return made


@pytest.fixture(scope="module")
def pair(folder: Path) -> Any:
    """The tokenizer as it is read here, and transformers'."""
    found, expected = read_tokenizer(folder), AutoTokenizer.from_pretrained(folder, local_files_only=True)
    assert isinstance(found, FileTokenizer)
    return found, expected


@pytest.mark.parametrize("split", [True, False], ids=["control tokens are text", "control tokens are tokens"])
def test_texts_have_the_ids_that_transformers_gives_them(pair: Any, split: bool) -> None:
    found, expected = (copy.deepcopy(one) for one in pair)
    for text in TEXTS:
        ids = [
            one(text, add_special_tokens=False, split_special_tokens=split)["input_ids"] for one in (found, expected)
        ]
        assert ids[0] == ids[1], text


def test_ids_have_the_names_and_texts_that_transformers_gives_them(pair: Any) -> None:
    found, expected = pair
    assert len(found) == len(expected)
    ids = list(range(len(found)))
    assert found.convert_ids_to_tokens(ids) == expected.convert_ids_to_tokens(ids)
    for some in (ids[:300], ids[-40:], ids[::997], [], ids[200:201]):
        assert found.decode(some) == expected.decode(some, clean_up_tokenization_spaces=False)
    assert set(found.all_special_ids) == set(expected.all_special_ids)
    assert (found.bos_token_id, found.eos_token_id) == (expected.bos_token_id, expected.eos_token_id)


@settings(max_examples=60)
@given(st.text(max_size=60))
def test_any_text_has_the_ids_that_transformers_gives_it(text: str) -> None:
    text = text.encode("utf-8", errors="ignore").decode()
    (ids, back), expected = ((v.encode(text), v.decode(v.encode(text))) for v in VOCABULARIES)
    assert (ids, back) == expected


VOCABULARIES = [
    Vocabulary(tokenizer, 49152, [2])
    for tokenizer in (read_tokenizer(Path(MINI)), AutoTokenizer.from_pretrained(MINI, local_files_only=True))
]


def test_vocabularies_have_the_same_ends_and_the_same_ids_that_are_no_tokens(pair: Any) -> None:
    found, expected = (Vocabulary(one, len(one) + 9, [0]) for one in pair)
    assert (found.ends, found.unreal, found.size) == (expected.ends, expected.unreal, expected.size)
    for text in TEXTS:
        assert found.encode(text) == expected.encode(text)
        assert found.decode(found.encode(text)) == text


def test_a_copy_with_more_control_tokens_leaves_the_original_alone(pair: Any) -> None:
    found, _ = pair
    before = found("<|extratoken_3|>")
    Vocabulary(found, len(found))
    assert found("<|extratoken_3|>") == before


def test_what_a_tokenizer_json_does_not_hold_is_left_to_transformers(tmp_path: Path) -> None:
    folder = gpt2_style(tmp_path, eos_token="<|not_in_the_file|>")
    found = read_tokenizer(folder)
    assert not isinstance(found, FileTokenizer)
    assert found.eos_token_id == len(found) - 1


def test_no_transformers_is_imported_for_the_embedded_default() -> None:
    program = (
        "import sys; from gptjt_demo.models.tokenizer import read_tokenizer;"
        f"print(read_tokenizer(__import__('pathlib').Path({str(MINI)!r}))('a b')['input_ids']);"
        "sys.exit(bool({'transformers', 'torch'} & {*sys.modules}))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "[81, 278]\n")


@pytest.mark.parametrize("name", ["tokenizer.json", "vocab.json", "vocab.txt", "tokenizer.model"])
def test_a_folder_has_a_tokenizer_when_it_has_one_of_its_files(tmp_path: Path, name: str) -> None:
    assert not has_tokenizer(tmp_path)
    with pytest.raises(ModelError, match=r"it has no tokenizer: tokenizer\.json is missing"):
        read_tokenizer(tmp_path)
    (tmp_path / name).write_text("")
    assert has_tokenizer(tmp_path)


@pytest.mark.parametrize("content", ["{", "[]", "{}", '{"model": {"type": "BPE", "vocab": {}}}', '{"model": 5}', ""])
def test_a_damaged_tokenizer_json_is_one_line(tmp_path: Path, content: str) -> None:
    (tmp_path / "tokenizer.json").write_text(content)
    with pytest.raises(ModelError, match="the tokenizer cannot be read") as error:
        read_tokenizer(tmp_path)
    assert "\n" not in str(error.value)
