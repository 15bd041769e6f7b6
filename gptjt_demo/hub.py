"""A repository of the Hugging Face hub as a folder on this disk. Knows nothing of what is in it."""

from __future__ import annotations

from pathlib import Path

from gptjt_demo.errors import ModelError

_SMALL = ["*.json", "*.txt", "*.model", "*.jinja"]
_WEIGHTS = ["*.safetensors", "*.bin"]


def fetch(repository: str, *, weights: bool = True, progress: bool = True) -> Path:
    """Download what is not in the cache yet; an interrupted download goes on where it stopped.

    Args:
        repository: OWNER/NAME.
        weights: the weights too, or the configuration and tokenizer alone.
        progress: show a bar.

    Raises:
        ModelError: the repository is absent or closed, or the hub is out of reach.
    """
    # Here, not above: the import asks for half a second, and the embedded model never needs it.
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import GatedRepoError, HfHubHTTPError, LocalEntryNotFoundError, RepositoryNotFoundError
    from huggingface_hub.utils.tqdm import disable_progress_bars, enable_progress_bars

    (enable_progress_bars if progress else disable_progress_bars)()
    patterns = _SMALL + (_WEIGHTS if weights else [])
    try:
        return Path(snapshot_download(repository, allow_patterns=patterns))
    except GatedRepoError as error:
        raise ModelError(
            "the repository is gated", where=repository, mend="accept its terms and set HF_TOKEN"
        ) from error
    except RepositoryNotFoundError as error:
        raise ModelError(
            "no such repository on the hub, or it is private", where=repository, mend="check its name, or set HF_TOKEN"
        ) from error
    except LocalEntryNotFoundError as error:
        raise ModelError(
            "the hub is out of reach and the model is not in the cache",
            where=repository,
            mend="check the connection, name a local folder, or use mini",
        ) from error
    except (HfHubHTTPError, OSError) as error:
        raise ModelError(
            f"the download failed ({type(error).__name__})",
            where=repository,
            mend="try again; it goes on where it stopped",
        ) from error
