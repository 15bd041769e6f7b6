"""A data set of the Hugging Face hub as a file of rows: `hf://datasets/OWNER/NAME@REVISION`, and a split behind it.

In: such a name. Out: the path of a private JSON Lines file, types kept, which is gone with that path. A revision has to
be named, so that the same command reads the same rows. The package datasets is an extra, and is asked for only here.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gptjt_demo.errors import TableError
from gptjt_demo.tables.json_value import plain_of
from gptjt_demo.tables.pipe import private_file

FORM = "hf://datasets/OWNER/NAME@REVISION"
_NAME = re.compile(
    r"hf:/{1,2}datasets/(?P<repository>\w[\w.-]*(?:/\w[\w.-]*)?)@(?P<revision>\w[\w.-]*)"
    r"(?:/(?P<config>[\w.-]+)(?=/))?(?:/(?P<split>[\w.-]+))?"
)


@dataclass(frozen=True)
class HubDataset:
    """What a name says. `config` and `split` are None where it leaves them open."""

    repository: str
    revision: str
    config: str | None = None
    split: str | None = None


def is_hub_dataset(path: Path | str) -> bool:
    """Whether it is such a name; a path has lost one of the two strokes."""
    return bool(re.match(r"hf:/", str(path)))


def parsed(name: Path | str) -> HubDataset:
    """What the name says.

    Raises:
        TableError: it is not of the form, or names no revision.
    """
    found = _NAME.fullmatch(str(name))
    if found is None:
        shown = re.sub(r"^hf:/(?!/)", "hf://", str(name))
        mend = f"write {FORM}, with /SPLIT or /CONFIG/SPLIT behind it; @main is the newest revision"
        raise TableError("not the name of a data set and its revision", where=shown, mend=mend)
    return HubDataset(**found.groupdict())


def fetched(name: Path | str) -> Path:
    """The rows in a file of their own.

    Raises:
        TableError: the name is none, datasets is not installed, there is no such data set, or it has several splits.
    """
    asked = parsed(name)
    if Path(asked.repository).exists():  # datasets would take it without a word
        what = "a folder of that name is here, and would be read in its place"
        raise TableError(what, where=asked.repository, mend="go to another folder")
    return copied(asked.repository, asked)


def copied(source: str, asked: HubDataset) -> Path:
    """`fetched`, from whatever datasets can load.

    Args:
        source: a repository of the hub, or a folder.
        asked: which part of it.
    """
    try:
        import datasets  # heavy, and an extra
    except ImportError:
        mend = "pip install 'gptjt-demo[datasets]', or download a file of it"
        raise TableError("the package datasets is not installed", where=asked.repository, mend=mend) from None
    try:
        data = _loaded(datasets, source, asked)
        path, file = private_file(f"{asked.repository.rpartition('/')[2]}.jsonl")
        for row in data:
            plain = {key: plain_of(value) for key, value in row.items()}
            file.write(json.dumps(plain, ensure_ascii=False).encode() + b"\n")
        file.flush()
    except TableError:
        raise
    except Exception as error:  # of many kinds: a connection that cannot be set up, a part of the set that is damaged
        what = " ".join(str(error).split())[:300] or type(error).__name__
        raise TableError(f"cannot be read ({what})", where=asked.repository) from None
    return path


def _loaded(datasets: Any, source: str, asked: HubDataset) -> Any:
    """One split, whose pictures and sounds stay the bytes that they are."""
    datasets.disable_progress_bars()
    revision = None if Path(source).is_dir() else asked.revision
    split = asked.split
    if split is None:
        splits = datasets.get_dataset_split_names(source, asked.config, revision=revision)
        if len(splits) != 1:
            mend = f"put /SPLIT behind the revision, one of {', '.join(splits)}"
            raise TableError("several splits", where=asked.repository, mend=mend)
        split = splits[0]
    data = datasets.load_dataset(source, asked.config, split=split, revision=revision)
    for name, feature in data.features.items():
        if getattr(feature, "decode", False):
            data = data.cast_column(name, type(feature)(decode=False))
    return data
