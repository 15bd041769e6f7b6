"""A shape as a grammar of llguidance, whether a text has a shape, and why a shape is none.

In: a `Shape`; for the grammar of a whole answer also what may stand before and behind it. Out: Lark text, a yes or no,
a line. llguidance is imported when it is first needed. Does not know tokens: they are the engine's.

A grammar is one regular expression, put together from named parts, so that nothing depends on where a lexer would cut.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from functools import cache, lru_cache
from typing import TYPE_CHECKING

from gptjt_demo.errors import SettingError
from gptjt_demo.settings.shape import CsvRecord, ItemsOf, OneOf, Shape

if TYPE_CHECKING:
    from llguidance import LLMatcher, LLTokenizer

# Scripts whose words stand side by side or carry particles: Thai to Khmer, kana, Han, Hangul.
_UNPARTED = (
    "\u0e00-\u0eff\u1000-\u109f\u1100-\u11ff\u1780-\u17ff\u3040-\u30ff"
    "\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff"
)
# A word of any other script, or one character: what an item is made of.
_CHUNKS = re.compile(rf"[^\W{_UNPARTED}]+|.", re.DOTALL)
FUEL = 300_000  # of llguidance, for one grammar: a few hundredths of a second, or a text of some 30,000 characters


def answer_grammar(shape: Shape, joiner: str = "", stops: Sequence[str] = ()) -> str:
    """Lark text of what a model may write, from behind the prompt on.

    Args:
        shape: of the answer's text.
        joiner: what may stand before the text and is no part of it, once.
        stops: the text ends before the first of them. What follows it is free: a token may hold more than the stop.
    """
    lines, answer = [*_shape(shape), "ANY: /(?s:.*)/"], "SHAPE"
    if stops:
        lines += [
            f"STOP: {' | '.join(map(_literal, stops))}",
            "STOPPED: ANY STOP ANY",
            "KEPT: SHAPE & ~STOPPED",
            "ENDED: KEPT (STOP ANY)?",
        ]
        answer = "ENDED"
    if joiner:  # what begins with it is joined, even where it could be a text or a stop
        lines += [f"JOINED: {_literal(joiner)} ANY", f"BOTH: {_literal(joiner)} {answer} | {answer} & ~JOINED"]
        answer = "BOTH"
    return "\n".join([f"start: {answer}", *lines, ""])


def fits(shape: Shape, text: str) -> bool:
    """Whether a text has the shape.

    Raises:
        SettingError: the shape is none, see `check`.
    """
    held = _held(shape).deep_copy()
    content = list(text.encode(errors="surrogatepass"))
    return bool(held.try_consume_tokens(content) == len(content) and held.is_accepting())


def check(shape: Shape, stops: Sequence[str] = ()) -> None:
    """Refuse a shape that no text has.

    Args:
        shape: see there.
        stops: none of them may stand in the text.

    Raises:
        SettingError: its pattern cannot be read or is too large, or no text without a stop has it.
    """
    if impossible(matcher(_bytes(), answer_grammar(shape, "", stops))):
        why = (
            f"no text has it that holds none of the stops {', '.join(map(repr, stops))}" if stops else "no text has it"
        )
        raise SettingError(why, where="shape", mend="change the shape or the stops" if stops else "change the shape")


def impossible(held: LLMatcher) -> bool:
    """Whether a matcher that has read nothing can never come to an end."""
    held.compute_bitmask()
    return held.is_error() or (held.is_stopped() and not held.is_accepting())


def matcher(tokenizer: LLTokenizer, grammar: str) -> LLMatcher:
    """What reads tokens by a grammar.

    Raises:
        SettingError: the grammar's pattern cannot be read, or the grammar is too large.
    """
    from llguidance import LLMatcher, LLParserLimits

    limits = LLParserLimits(initial_lexer_fuel=FUEL)
    made = LLMatcher(tokenizer, LLMatcher.grammar_from_lark(grammar), log_level=0, limits=limits)
    if made.is_error():
        raise SettingError(_reason(made.get_error()), where="shape")
    return made


@lru_cache(maxsize=32)
def _held(shape: Shape) -> LLMatcher:
    return matcher(_bytes(), answer_grammar(shape))


@cache
def _bytes() -> LLTokenizer:
    """A vocabulary of the 256 bytes, each its own number."""
    from llguidance import LLTokenizer

    return LLTokenizer("byte")


def _shape(shape: Shape) -> Iterator[str]:
    """The lines that say what `SHAPE` is."""
    if isinstance(shape, CsvRecord):
        yield r'FIELD: "" | /[^",\r\n][^,\r\n]*/ | /"([^"\r\n]|"")*"/'
        yield f'SHAPE: FIELD ("," FIELD){{{shape.columns - 1}}}'
    elif isinstance(shape, ItemsOf):
        yield from _items(shape)
    elif isinstance(shape, OneOf):
        yield f"SHAPE: {' | '.join(map(_literal, shape.texts))}"
    else:
        from llguidance import regex_to_lark

        yield f"SHAPE: /{regex_to_lark(shape.regex, '')}/"


def _items(shape: ItemsOf) -> Iterator[str]:
    parts = [_CHUNKS.findall(text) for text in dict.fromkeys(shape.texts) if text.strip()]
    if not parts:
        yield 'SHAPE: ""'
        return
    for number, chunks in enumerate(parts):
        yield f"RUN{number}: %regex {json.dumps({'substring_chunks': chunks}, ensure_ascii=False)}"
    # Of ", " a comma alone is enough to part two items; " and " must not part "Portland".
    bare = shape.separator.strip()
    parting = bare if bare and not re.search(r"\w", bare) else shape.separator
    yield f"PARTED: /(?s:.*)/ {_literal(parting)} /(?s:.*)/"
    yield f"RUN: {' | '.join(f'RUN{number}' for number in range(len(parts)))}"
    yield r"ITEM: RUN & /\S([^\r\n]*\S)?/ & ~PARTED"
    yield f"SHAPE: (ITEM ({_literal(shape.separator)} ITEM)* / */)?"


def _literal(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _reason(error: str) -> str:
    """llguidance's error in a line: of a regular expression that cannot be read, what is wrong with it."""
    found = re.search(r"^\s*error: (.*)$", error, re.MULTILINE) or re.search(r"(lookarounds[^;\n]*)", error)
    said = (found[1] if found else error.strip().splitlines()[0]).strip()
    if re.search("look-?around", said):
        return r"the pattern looks ahead or back (as \b, (?=…) and (?!…) do), which a shape cannot"
    return f"the pattern cannot be read: {said[:200]}" if found else f"too much for one: {said[:200]}"
