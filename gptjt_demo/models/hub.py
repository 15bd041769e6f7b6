"""A repository of the Hugging Face hub as a folder on this disk. Knows nothing of what is in it."""

from __future__ import annotations

import errno
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

from gptjt_demo.errors import ModelError

_SMALL = ["*.json", "*.txt", "*.model", "*.jinja", "LICENSE*", "NOTICE*", "README.md"]
_WEIGHTS = ("*.safetensors", "*.bin")  # the first that there is
_ELSEWHERE = ["*/*"]  # copies for other frameworks lie in folders

_UNREACHED = (
    "the hub is out of reach and the model is not in the cache",
    "check the connection, name a local folder, or use mini",
)
_CLOSED = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EEXIST)


def fetch(
    repository: str, *, weights: bool = True, progress: bool = True, told: Callable[[float], None] | None = None
) -> Path:
    """Download what is not in the cache yet; an interrupted download continues where it stopped.

    Args:
        repository: OWNER/NAME.
        weights: the weights too, or the configuration and tokenizer alone.
        progress: show a bar on standard error, where that is a terminal.
        told: in a bar's place, of the share of the bytes that is there.

    Raises:
        ModelError: the repository is absent, closed or incomplete, the hub is out of reach, or the cache cannot be
            written; the message says which.
    """
    # Here, not above: the import asks for half a second, and the embedded model never needs it.
    from huggingface_hub import snapshot_download
    from huggingface_hub.constants import HF_HUB_CACHE
    from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError
    from huggingface_hub.utils.tqdm import disable_progress_bars, enable_progress_bars

    (enable_progress_bars if progress else disable_progress_bars)()
    bar = None if told is None else _telling(told)
    try:
        folder = Path(snapshot_download(repository, allow_patterns=_SMALL, ignore_patterns=_ELSEWHERE, tqdm_class=bar))
        for pattern in _WEIGHTS if weights else ():
            snapshot_download(repository, allow_patterns=[pattern], ignore_patterns=_ELSEWHERE, tqdm_class=bar)
            if any(folder.glob(pattern)):
                break
        return folder
    except HFValidationError as error:
        raise ModelError("this is no hub id", where=repository, mend="give OWNER/NAME") from error
    except Exception as error:  # of many kinds, where the environment keeps a connection from being set up
        if not isinstance(error, OSError):
            what, mend = unconnected(error)
            raise ModelError(what, where=repository, mend=mend) from error
        # An answer that the cache could not make up for is the cause of an error of another kind.
        if (found := refusal(error) or refusal(error.__cause__)) is None:
            found = _UNREACHED if isinstance(error, LocalEntryNotFoundError) else _disk(error, HF_HUB_CACHE)
        raise ModelError(found[0], where=repository, mend=found[1]) from error


def _telling(told: Callable[[float], None]) -> type[Any]:
    """A bar that draws nothing and tells the share of the bytes that is there."""
    from tqdm.auto import tqdm

    class Telling(tqdm):  # type: ignore[misc]
        def __init__(self, *arguments: Any, **options: Any) -> None:
            super().__init__(*arguments, **{**options, "file": io.StringIO()})

        def display(self, *_: Any, **__: Any) -> None:
            if self.unit == "B" and self.total:
                told(min(1.0, self.n / self.total))

    return Telling


def unconnected(error: Exception) -> tuple[str, str]:
    """That the hub cannot even be asked, and where to look: at a proxy of a kind that is not known, say."""
    why = " ".join(str(error).split()) or type(error).__name__
    return f"the hub cannot be asked ({why})", "look at HTTPS_PROXY, ALL_PROXY, HF_ENDPOINT and HF_TOKEN"


def refusal(error: BaseException | None) -> tuple[str, str] | None:
    """What the hub's answer means and how to mend it; None where it did not answer."""
    from huggingface_hub.errors import GatedRepoError, HfHubHTTPError, RemoteEntryNotFoundError, RepositoryNotFoundError

    if not isinstance(error, HfHubHTTPError):
        return None
    status = error.response.status_code
    if isinstance(error, GatedRepoError):
        return "the repository is gated", "accept its terms on its page and set HF_TOKEN"
    if isinstance(error, RepositoryNotFoundError):
        return "no such repository on the hub, or it is private", "check its name, or set HF_TOKEN"
    if isinstance(error, RemoteEntryNotFoundError):
        file = error.response.url.path.rsplit("/", 1)[-1]
        return f"the repository lists {file} and does not have it", "its owner has to add it"
    if status == 401:
        return "the hub does not accept the token (401)", "renew HF_TOKEN or `hf auth login`, or go without one"
    if status == 403:
        return "the token does not open this repository (403)", "give it the right to read, or set another HF_TOKEN"
    return f"the hub answered {status}", "try again; the download continues where it stopped"


def _disk(error: OSError, cache: str) -> tuple[str, str]:
    if error.errno == errno.ENOSPC:
        return f"the disk of {cache} is full", "make room, or set HF_HOME to a folder on another one"
    if error.errno in _CLOSED:
        return f"the cache folder {cache} cannot be written ({error.strerror})", "set HF_HOME to a folder that can be"
    return f"the download failed ({type(error).__name__})", "try again; it continues where it stopped"
