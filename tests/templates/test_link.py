"""Links: what goes in comes out to the byte, and what was cut, altered, too new or hostile changes nothing."""

from __future__ import annotations

import base64
import hashlib
import json
import string
import tracemalloc
import zlib
from contextlib import suppress
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_templates import templates

from gptjt_demo.errors import LinkError
from gptjt_demo.templates.libraries import Library
from gptjt_demo.templates.link import MAX_FRAGMENT, from_fragment, is_link, to_fragment
from gptjt_demo.templates.template import Template

EMOTION = Template.load("emotion")
texts = st.text(alphabet=st.characters(codec="utf-8"))


def forged(content: bytes, version: int = 1) -> str:
    """A link with a right checksum over any content."""
    data = base64.urlsafe_b64encode(content).rstrip(b"=").decode()
    digest = hashlib.sha256(f"{version}.{data}".encode()).digest()
    return f"#t={version}.{data}.{base64.urlsafe_b64encode(digest).decode()[:8]}"


def deflated(value: Any) -> bytes:
    plain = value if isinstance(value, bytes) else json.dumps(value).encode()
    return zlib.compress(plain, 9, wbits=-15)


@settings(deadline=None)
@given(templates(), texts)
def test_a_template_and_its_query_come_out_of_a_link_as_they_went_in(template: Template, text: str) -> None:
    asked = template.revised(query={item.name: text for item in template.inputs}).query
    read, query = from_fragment(to_fragment(template, asked))
    assert (read, query) == (template, asked)
    assert read.render(query) == template.render(asked)


@pytest.mark.parametrize("template", Library.open(), ids=lambda template: template.name)
def test_every_shipped_template_fits_a_link_that_needs_no_escapes(template: Template) -> None:
    fragment = to_fragment(template)
    assert from_fragment(fragment) == (template, template.query)
    assert set(fragment) <= set(string.ascii_letters + string.digits + "#=._-")
    assert len(fragment) < 2000


@pytest.mark.parametrize(
    "text", ["  \t", "\u2028\x00\x85", "🏳️‍🌈 e\u0301 \ufeff", "${x} `y` {{z}} C:\\new <b>", "\n\n x \n"]
)
def test_odd_text_reaches_the_prompt_through_a_link_to_the_byte(text: str) -> None:
    read, query = from_fragment(to_fragment(EMOTION.revised(instruction=text), text))
    assert read.render(query) == EMOTION.revised(instruction=text).render(text)


@pytest.mark.parametrize(
    "mangle",
    [
        lambda link: link,
        lambda link: link.partition("#")[2],
        lambda link: f" \n{link}\n",
        lambda link: f"<{link}>",
        lambda link: quote(link, safe=""),
        lambda link: quote(quote(link)),
        lambda link: "\r\n".join(link[i : i + 76] for i in range(0, len(link), 76)),
        lambda link: f"{link}&utm_source=mail",
        lambda link: f"[the template]({link}).",
        lambda link: f'"{link}",',
        lambda link: f"`{link}`",
        lambda link: f"*{link}*",
        lambda link: f"„{link}“",
        lambda link: f"{link}?__theme=dark",
        lambda link: f"{link}…",
        lambda link: f"\ufeff{link[:90]}\u200b{link[90:]}\u2060",
    ],
)
def test_a_link_survives_what_mail_programs_do_to_it(mangle: Any) -> None:
    link = mangle("https://x-y.hf.space/?__theme=dark" + to_fragment(EMOTION, "what a day"))
    assert from_fragment(link) == (EMOTION, {"input": "what a day"})


@settings(max_examples=400, deadline=None)
@given(st.data())
def test_a_link_with_any_character_changed_never_gives_another_template(data: st.DataObject) -> None:
    fragment = to_fragment(EMOTION, "what a day")
    index = data.draw(st.integers(0, len(fragment) - 1))
    character = data.draw(st.sampled_from(string.printable + "é\u2028"))
    with suppress(LinkError):
        assert from_fragment(fragment[:index] + character + fragment[index + 1 :]) == (EMOTION, {"input": "what a day"})


def test_a_link_cut_anywhere_is_refused() -> None:
    fragment = to_fragment(EMOTION)
    for end in range(len(fragment)):
        with pytest.raises(LinkError):
            from_fragment(fragment[:end])
    for end in (6, 100, len(fragment) - 9, len(fragment) - 1):
        for shortened in ("", "…", "..."):
            with pytest.raises(LinkError, match="cut off"):
                from_fragment(fragment[:end] + shortened)


def test_an_altered_link_and_one_of_a_newer_version_are_told_apart() -> None:
    fragment = to_fragment(EMOTION)
    with pytest.raises(LinkError, match="altered"):
        from_fragment(fragment[:50] + ("A" if fragment[50] != "A" else "B") + fragment[51:])
    with pytest.raises(LinkError, match="newer version"):
        from_fragment(forged(b"anything", version=2))
    with pytest.raises(LinkError, match="newer version"):
        from_fragment("https://example.com/#t=12.some-other.shape:that/we.do.not.know")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xfe",
        deflated(b"\xff"),
        deflated(b"[" * 200_000),
        deflated(b'{"template":' * 20_000),
        deflated(b'{"template": ' + b"9" * 100_000 + b"}"),
        deflated([]),
        deflated({}),
        deflated({"template": "x"}),
        deflated({"template": {"name": "x", "title": "X", "run": "rm"}}),
        deflated({"template": {"name": "x", "title": "\ud800"}}),
        deflated({"template": {"name": "x", "title": "X", "generation": {"temperature": float("nan")}}}),
        deflated({"template": {"name": "x", "title": "X"}, "query": {"other": "y"}}),
        deflated({"template": {"name": "x", "title": "X"}, "query": "y", "code": "z"}),
    ],
)
def test_what_is_no_template_is_refused_in_one_line(content: bytes) -> None:
    with pytest.raises(LinkError) as raised:
        from_fragment(forged(content))
    assert len(str(raised.value)) < 400


def test_a_bomb_is_refused_and_never_unpacked() -> None:
    bomb = forged(deflated(b" " * 10_000_000))
    tracemalloc.start()
    with pytest.raises(LinkError, match="more than"):
        from_fragment(bomb)
    assert tracemalloc.get_traced_memory()[1] < 4_000_000
    tracemalloc.stop()
    with pytest.raises(LinkError, match="too long"):
        from_fragment("#t=1." + "A" * 10_000_000)


def test_a_template_too_long_for_a_link_is_offered_as_a_file() -> None:
    noise = "".join(hashlib.sha256(bytes([i, j])).hexdigest() for i in range(2) for j in range(80))
    with pytest.raises(LinkError, match="YAML file") as raised:
        to_fragment(EMOTION, noise)
    assert f"{MAX_FRAGMENT:,}" in str(raised.value)
    rows = [{"input": f"{i}" * 9000, "output": "x"} for i in range(30)]
    with pytest.raises(LinkError, match=r"bytes.*YAML file"):
        to_fragment(EMOTION.revised(examples=rows))


@pytest.mark.parametrize("given_", [None, b"#t=1.x", 3, ["#t=1"]])
def test_what_is_no_text_is_no_link(given_: Any) -> None:
    with pytest.raises(LinkError, match="and not text"):
        from_fragment(given_)


@pytest.mark.parametrize("text", ["", "https://example.com", "#", "#t=", "#other=1", "t=x", "Input: a\nOutput:"])
def test_a_text_that_is_no_link_says_so(text: str) -> None:
    assert not is_link(text)
    with pytest.raises(LinkError, match="no template in it"):
        from_fragment(text)


def test_a_pasted_link_is_known_as_one_even_when_it_was_cut() -> None:
    fragment = to_fragment(EMOTION)
    assert all(map(is_link, [fragment, f"https://x.hf.space/{fragment}", quote(fragment), fragment[:20], "#t=1"]))
    assert not is_link("Solve for t=3.\nInput: x\nOutput:")
    assert not is_link("Heading # t=3\nOutput:")
