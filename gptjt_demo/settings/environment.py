"""Every variable of the environment that sets something here: its name, what it means, its default, how it is read.

In: the environment, whenever something asks. Out: a value, or a `SettingError` that names the variable. A blank one is
one that is not set. Nothing is read at import. `VARIABLES` is the one table: `check` goes over it when a page is
started, and the README shows it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar, cast, get_args

from gptjt_demo.errors import SettingError, nearest
from gptjt_demo.settings.sampling import Attention

T = TypeVar("T")


@dataclass(frozen=True)
class Variable(Generic[T]):
    """One of them.

    Attributes:
        name: the variable's.
        meaning: what it sets, a sentence for the README.
        default: its value where it is not set.
        parse: makes the value of a text; raises ValueError, whose words say what was expected.
        shown: the default in the README's words; by default the value itself.
        space: its value where it is not set and the program runs as a Space; None: the same.
    """

    name: str
    meaning: str
    default: T
    parse: Callable[[str], T]
    shown: str = ""
    space: T | None = None

    def read(self) -> T:
        """Its value now.

        Raises:
            SettingError: it is set to what cannot be.
        """
        text = os.environ.get(self.name, "").strip()
        if not text:
            return self.space if self.space is not None and on_space() else self.default
        try:
            return self.parse(text)
        except ValueError as error:
            shown = text if len(text) <= 60 else f"{text[:60]}…"
            raise SettingError(f"{shown!r} does not fit", where=self.name, mend=f"give {error}") from None


def on_space() -> bool:
    """Whether the program runs as a Space of the hub, which sets this variable."""
    return bool(os.environ.get("SPACE_ID", "").strip())


def on_zero_gpu() -> bool:
    """Whether that Space is lent a GPU by the second; the hub sets this variable there."""
    return os.environ.get("SPACES_ZERO_GPU", "").strip().lower() in ("1", "t", "true")


def one_of(*words: str) -> Callable[[str], str]:
    """Reads one of these words."""

    def parse(text: str) -> str:
        if text not in words:
            raise ValueError(f"one of {', '.join(words)}")
        return text

    return parse


def whole(low: int, high: int) -> Callable[[str], int]:
    """Reads a whole number from `low` to `high`."""

    def parse(text: str) -> int:
        if not text.isascii() or not text.isdigit() or not low <= int(text) <= high:
            raise ValueError(f"a whole number from {low} to {high}")
        return int(text)

    return parse


def names(text: str) -> tuple[str, ...]:
    """Reads names parted by commas; what is case and blank does not count."""
    return tuple(name.strip().casefold() for name in text.split(",") if name.strip())


def root(text: str) -> str:
    """Reads the path, or the whole address, that a page has behind a server in front of it."""
    if not text.startswith(("/", "http://", "https://")):
        raise ValueError("a path that begins with /, or a whole address")
    return text


def limit(text: str) -> int | None:
    """Reads a limit: `none` lifts it."""
    if text.casefold() == "none":
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 16 and int(text)):
        raise ValueError("a whole number from 1, or none")
    return int(text)


def switch(text: str) -> bool:
    """Reads whether something is on: whatever is not 0."""
    return text != "0"


WAYS = ("auto", "vnni", "avx2", "torch")  # torch is transformers' modules, nothing compiled

MODEL = Variable("GPTJT_MODEL", "The model: a known name, a folder or a hub id.", "mini", str)
TOKENIZER = Variable("GPTJT_TOKENIZER", "A folder or hub id to take the tokenizer from.", "", str, "the model's own")
ATTENTION: Variable[Attention | None] = Variable(
    "GPTJT_ATTENTION",
    "How a prompt is read where nothing else says it: `prefix` or `causal`.",
    None,
    cast(Callable[[str], Attention | None], one_of(*get_args(Attention))),
    "the model's own",
)
PROMPTS = Variable(
    "GPTJT_PROMPTS",
    "Folders of your own templates, parted by `:` (`;` on Windows), in front of the shipped ones.",
    "",
    str,
    "none",
)
CACHE = Variable(
    "GPTJT_CACHE", "A folder to keep compiled code in.", "", str, "the user's cache, else the temporary folder"
)
WAY = Variable(
    "GPTJT_WAY",
    "Forces a way of multiplying: `auto`, `vnni`, `avx2` or `torch`.",
    "auto",
    one_of(*WAYS),
)
TRACEBACK = Variable("GPTJT_TRACEBACK", "`1` shows where an error inside the program comes from.", False, switch, "`0`")
MCP = Variable(
    "GPTJT_MCP", "`1` serves what programs may call as MCP tools too; needs the extra `mcp`.", False, switch, "`0`"
)
LOG = Variable(
    "GPTJT_LOG",
    "How the page's log is written on standard error: `text` or `json`, a line each.",
    "text",
    one_of("text", "json"),
    space="json",
)
LOG_LEVEL = Variable(
    "GPTJT_LOG_LEVEL",
    "From what on something is logged: `debug`, `info` (each request, never its text), `warning` or `error`.",
    "warning",
    one_of("debug", "info", "warning", "error"),
    space="info",
)
HOST = Variable(
    "GRADIO_SERVER_NAME",
    "The address to serve on; `0.0.0.0` lets others in.",
    "127.0.0.1",
    str,
    space="0.0.0.0",
)
HOSTS: Variable[tuple[str, ...]] = Variable(
    "GPTJT_HOSTS",
    "Names, parted by commas, by which a server in front calls a page that is served on 127.0.0.1.",
    (),
    names,
    "none",
)
PORT: Variable[int | None] = Variable(
    "GRADIO_SERVER_PORT", "The port to serve on.", None, whole(1, 65535), "the first free one from 7860", space=7860
)
ROOT_PATH = Variable(
    "GRADIO_ROOT_PATH", "The path under which a proxy in front serves the page; read by Gradio.", "", root, "none"
)
TEMP_DIR = Variable(
    "GRADIO_TEMP_DIR",
    "Where uploads and downloads lie meanwhile; read by Gradio.",
    "",
    str,
    "a temporary one",
)
API_KEY = Variable("GPTJT_API_KEY", "A key that programs must bring to `/v1` as a bearer token.", "", str, "none")
ORIGINS = Variable(
    "GPTJT_API_ORIGINS",
    "Origins of web pages that may call `/v1` of a local server beside local pages, parted by commas; `*` is all.",
    "",
    str,
    "none",
)


def _limit(name: str, meaning: str, space: int) -> Variable[int | None]:
    return Variable(name, meaning, None, limit, "none", space)


LIMITS = {
    "prompt_characters": _limit("GPTJT_MAX_PROMPT_CHARACTERS", "The longest prompt, in characters.", 20_000),
    "rows": _limit("GPTJT_MAX_ROWS", "Rows of a file, or prompts of one request.", 1_000),
    "upload_mib": _limit("GPTJT_MAX_UPLOAD_MIB", "The largest file, in MiB.", 10),
    "queue": _limit("GPTJT_MAX_QUEUE", "Requests that may wait, of all visitors.", 32),
    "run_seconds": _limit("GPTJT_MAX_RUN_SECONDS", "The longest that one answer may take, in seconds.", 300),
    "batch_seconds": _limit("GPTJT_MAX_BATCH_SECONDS", "The longest that a batch or a measurement may take.", 3_600),
    "requests_per_minute": _limit(
        "GPTJT_MAX_REQUESTS_PER_MINUTE", "Requests of one visitor that ask the model or bring a file.", 60
    ),
}
"""What `Limits` is read from, by its attributes. `none` lifts one."""

VARIABLES: tuple[Variable[object], ...] = cast(
    tuple[Variable[object], ...],
    (
        MODEL,
        TOKENIZER,
        ATTENTION,
        PROMPTS,
        CACHE,
        WAY,
        TRACEBACK,
        MCP,
        LOG,
        LOG_LEVEL,
        HOST,
        HOSTS,
        PORT,
        ROOT_PATH,
        TEMP_DIR,
        API_KEY,
        ORIGINS,
        *LIMITS.values(),
    ),
)


def check(environ: Mapping[str, str] | None = None) -> None:
    """Read them all, so that a wrong one is said before anything is begun.

    Args:
        environ: whose names are looked at; the process's own by default.

    Raises:
        SettingError: one does not fit, or begins with GPTJT_ and is none of them.
    """
    for variable in VARIABLES:
        variable.read()
    known = [variable.name for variable in VARIABLES]
    for name in os.environ if environ is None else environ:
        if name.startswith("GPTJT_") and name not in known:
            raise SettingError("there is no such setting", where=name, mend=nearest(name, known))


def table() -> str:
    """All of them as the README's table."""
    lines = ["| variable | what it sets | default | on a Space |", "| --- | --- | --- | --- |"]
    for variable in VARIABLES:
        default = variable.shown or f"`{variable.default}`"
        space = "the same" if variable.space is None else f"`{variable.space}`"
        lines.append(f"| `{variable.name}` | {variable.meaning} | {default} | {space} |")
    return "\n".join(lines)
