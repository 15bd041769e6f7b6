"""Plain English that is on the machine already: the documentation of Python and of installed packages.

In: names of installed Python packages, and folders. Out: documents of prose paragraphs, the same ones in the same order
for the same files, and a part of them held out. Code, tables, lists and markup are left out. Knows nothing of tokens;
nothing is downloaded, and no package is imported.
"""

from __future__ import annotations

import gzip
import hashlib
import inspect
import re
import sysconfig
from collections.abc import Iterable, Iterator, Sequence
from importlib import metadata
from pathlib import Path

from gptjt_demo.errors import SettingError

STANDARD_LIBRARY = "python"  # stands for it among the packages' names
HELD_OUT = 50  # a document in so many is held out
SHORTEST, LONGEST = 40, 400  # words of a document; a longer one becomes several
LARGEST = 2 << 20  # bytes of a file; larger ones are data

_PROSE = (".md", ".rst", ".txt", ".pod", ".gz")
_NOT_PROSE = re.compile(r"^(change|copyright|licen[cs]e|news|authors|thanks|todo|requirements|record|top_level)", re.I)
_SKIPPED = {"test", "tests", "testing", "_vendor", "locale", "idlelib", "lib2to3"}
_DOCSTRING = re.compile(r'^[ \t]*[rR]?"""(.+?)"""', re.S | re.M)
_RULE = re.compile(r"\W{3,}")
_LEAD = re.compile(r"[A-Z][A-Za-z'’-]*[,:]? ")
_MARKUP = (
    (re.compile(r":[\w:.+-]+:`~?(?:[^`<]*?\.)?([^`<.]+?)(?: ?<[^`>]*>)?`"), r"\1"),  # :class:`~package.Name`
    (re.compile(r"`+([^`\n]+?)`+_{0,2}"), r"\1"),  # `code`
    (re.compile(r"\[([^\]]+)\]\([^)]*\)"), r"\1"),  # [words](address)
    (re.compile(r"(?<!\w)(\*\*?|__?)(\w[^*_]*?)\1(?!\w)"), r"\2"),  # *stress*
    (re.compile(r"\b[A-Z]<+ ?([^<>]+?) ?>+"), r"\1"),  # C<code>
    (re.compile(r" ?\[[\w\d, -]{1,12}\]_?"), ""),  # [1]_
)
_WORD = re.compile(r"[(\"'“‘]*[A-Za-z]+(?:['’-][A-Za-z]+)*[.,;:!?)\"'”’]*")
# Function words: of English prose they are a third and more.
_COMMON = frozenset(
    re.findall(
        r"\w+",
        "a about after all also an and any are as at be because been before but by can could do does each for from had "
        "has have he her his how i if in into is it its may more most must no not of on one only or other our out over "
        "she should so some such than that the their them then there these they this to two up us use was we were what "
        "when where which while who will with would you your",
    )
)


def documents(packages: Sequence[str], folders: Sequence[str] = ()) -> tuple[list[str], list[str]]:
    """All prose of these sources.

    Args:
        packages: names of installed distributions, and `python` for the standard library.
        folders: read with what is in them: .md, .rst, .txt, .pod and .gz files. One that is not there counts as empty:
            machines differ.

    Returns:
        Documents to train on, and those held out. The part a document belongs to follows only from its words.

    Raises:
        SettingError: a package is not installed, or nothing was found.
    """
    paths = {path for name in packages for path in _files_of(name)}
    paths |= {path for folder in folders for path in Path(folder).rglob("*") if path.is_file()}
    seen: set[bytes] = set()
    train: list[str] = []
    held_out: list[str] = []
    for path in sorted(paths):
        for document in _joined(_fresh(text, seen) for text in _texts(path)):
            digest = hashlib.sha256(" ".join(document.split()).encode()).digest()
            (held_out if digest[0] * 256 + digest[1] < 65536 // HELD_OUT else train).append(document)
    if not train or not held_out:
        raise SettingError("too little English text was found", where="packages, folders", mend="name more of them")
    return train, held_out


def paragraphs(text: str) -> Iterator[str]:
    """The prose paragraphs of a docstring or a file, each as one line without markup."""
    for block in re.split(r"\n(?:[ \t]*|%)\n", text.replace("\r\n", "\n")):
        lines = block.strip("\n").split("\n")
        if not lines[0] or any(line[:1].isspace() or _RULE.fullmatch(line) for line in lines):
            continue  # code, a list of definitions, a table, a heading
        prose = " ".join(" ".join(lines).split())
        for pattern, kept in _MARKUP:
            prose = pattern.sub(kept, prose)
        if _is_prose(prose):
            yield prose


def _is_prose(text: str) -> bool:
    words = text.split()
    if len(words) < 8 or not _LEAD.match(text) or text[-1] not in ".!?:":
        return False
    plain = [word for word in words if _WORD.fullmatch(word)]
    common = sum(word.strip("(\"'.,;:!?)").lower() in _COMMON for word in plain)
    return len(plain) >= 0.9 * len(words) and common >= 0.3 * len(words)


def _fresh(text: str, seen: set[bytes]) -> list[str]:
    """The paragraphs that no text before had."""
    kept = []
    for paragraph in paragraphs(text):
        key = hashlib.blake2b(" ".join(re.findall(r"[a-z]+", paragraph.lower())).encode(), digest_size=12).digest()
        if key not in seen:
            seen.add(key)
            kept.append(paragraph)
    return kept


def _joined(texts: Iterable[list[str]]) -> Iterator[str]:
    """Documents of a file, which end with a text that makes them long enough, or before they become too long."""
    held: list[str] = []
    words = 0
    for found in texts:
        for paragraph in found:
            count = len(paragraph.split())
            if words and words + count > LONGEST:
                if words >= SHORTEST:
                    yield "\n\n".join(held)
                held, words = [], 0
            held.append(paragraph)
            words += count
        if words >= SHORTEST:
            yield "\n\n".join(held)
            held, words = [], 0
    # What is left is too short to have a beginning and a rest.


def _files_of(package: str) -> Iterator[Path]:
    if package == STANDARD_LIBRARY:
        root = Path(sysconfig.get_path("stdlib"))
        yield from (path for path in root.rglob("*.py") if "site-packages" not in path.parts)
        return
    try:
        files = metadata.files(package)
    except metadata.PackageNotFoundError:
        raise SettingError("this package is not installed", where=package, mend="install it or leave it out") from None
    yield from (
        Path(str(file.locate())) for file in files or () if file.suffix in (".py", *_PROSE) or file.name == "METADATA"
    )


def _texts(path: Path) -> Iterator[str]:
    """The docstrings of a module, or a file's text."""
    if _SKIPPED & set(path.parts) or _NOT_PROSE.match(path.name) or path.suffix not in (".py", "", *_PROSE):
        return
    try:
        if path.stat().st_size > LARGEST:
            return
        data = path.read_bytes()
        text = (gzip.decompress(data) if path.suffix == ".gz" else data).decode("utf-8")
    except (OSError, EOFError, UnicodeDecodeError):  # not readable, damaged, or not text
        return
    if path.parts[-2:] == ("pydoc_data", "topics.py"):  # the language reference, as a dictionary
        from pydoc_data.topics import topics

        yield from topics.values()
    elif path.suffix == ".py":
        for match in _DOCSTRING.finditer(text):
            yield inspect.cleandoc(match[1])
    elif path.name == "METADATA":
        yield text.partition("\n\n")[2]
    else:
        yield text
