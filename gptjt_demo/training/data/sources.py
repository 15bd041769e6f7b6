"""What a mixture draws from: few-shot families, documents, JSON Lines files and data sets of the hub.

In: families, texts or paths, and how samples are cut. Out: endless samples, none of which holds a withheld case. A
state is a number of documents, or a place in a file: what is drawn for a document follows from the seed and its number.
Knows nothing of shares.

A record is `{"text": …}`, or a prompt and its answer as `{"prompt": …, "completion": …}` or `{"inputs": …,
"targets": …}`.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import random
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gptjt_demo.engine.prompt import joiner
from gptjt_demo.errors import SettingError, TableError
from gptjt_demo.training.data.sample import Encode, Sample, episode_sample, text_sample
from gptjt_demo.training.data.withheld import Withheld
from gptjt_demo.training.episodes.task import Episode, Family, Task

ROWS = 16  # asked of a family; a prompt takes some of them
LONGEST_SEARCH = 100_000  # documents without a usable one, after which a source is taken to have none
_HALF = re.compile("[\ud800-\udfff]")  # of a surrogate pair
ANSWERED = (("prompt", "completion"), ("inputs", "targets"))

Render = Callable[[random.Random, Task], Episode]


@dataclass(frozen=True)
class Cut:
    """How samples are cut from documents.

    Attributes:
        encode: text to token ids.
        end: id of the token that ends a text.
        length: most tokens of a sample.
        seed: decides everything that is drawn.
        withheld: what may not occur.
    """

    encode: Encode
    end: int | None
    length: int
    seed: int
    withheld: Withheld


class Counted:
    """A source whose n-th document depends only on n; its position is that number."""

    def __init__(self, name: str, cut: Cut) -> None:
        self.name, self._cut, self._drawn = name, cut, 0

    def next(self) -> Sample:
        """The next sample."""
        for _ in range(LONGEST_SEARCH):
            rng = random.Random(f"{self._cut.seed}/{self.name}/{self._drawn}")
            sample = self._at(self._drawn, rng)
            self._drawn += 1
            if sample is not None:
                return sample
        raise _nothing(self.name)

    def state(self) -> dict[str, Any]:
        """How many documents have been drawn."""
        return {"drawn": self._drawn}

    def restore(self, state: dict[str, Any]) -> None:
        """Continue from there."""
        self._drawn = int(state["drawn"])

    def _at(self, number: int, rng: random.Random) -> Sample | None:
        """The sample of a document, if there is one in it."""
        raise NotImplementedError


class Episodes(Counted):
    """Few-shot prompts of families drawn by weight."""

    def __init__(
        self, name: str, cut: Cut, families: Mapping[str, Family], weights: Mapping[str, float], render: Render
    ) -> None:
        super().__init__(name, cut)
        self._families, self._weights, self._render = families, dict(weights), render

    def episode(self, number: int) -> Episode | None:
        """The episode of that number, if enough of its rows may be shown."""
        return self._drawn_at(random.Random(f"{self._cut.seed}/{self.name}/{number}"))

    def _drawn_at(self, rng: random.Random) -> Episode | None:
        (family,) = rng.choices(list(self._weights), list(self._weights.values()))
        task = self._families[family](rng, ROWS)
        rows = tuple(row for row in task.rows if not self._cut.withheld.holds_row(*row))
        return self._render(rng, dataclasses.replace(task, rows=rows)) if len(rows) > 1 else None

    def _at(self, number: int, rng: random.Random) -> Sample | None:
        episode = self._drawn_at(rng)
        return None if episode is None else episode_sample(episode, self._cut.encode, rng, self._cut.length)


class Documents(Counted):
    """Texts, all once in a drawn order, then all again in another."""

    def __init__(self, name: str, cut: Cut, texts: Sequence[str]) -> None:
        super().__init__(name, cut)
        self.texts = [text for text in texts if not cut.withheld.holds(text)]
        self._round: tuple[int, list[int]] = (-1, [])
        self._key = hashlib.sha256("\0".join(self.texts).encode()).hexdigest()[:16]

    def state(self) -> dict[str, Any]:
        """How many documents have been drawn, and of which texts."""
        return {"drawn": self._drawn, "texts": self._key}

    def restore(self, state: dict[str, Any]) -> None:
        """Continue from there.

        Raises:
            SettingError: the texts are others now.
        """
        if state["texts"] != self._key:
            raise SettingError(
                "its texts are not those that the run began with", where=self.name, mend="start a new run"
            )
        super().restore(state)

    def _at(self, number: int, rng: random.Random) -> Sample | None:
        if not self.texts:
            raise _nothing(self.name)
        turn, index = divmod(number, len(self.texts))
        if turn != self._round[0]:
            order = list(range(len(self.texts)))
            random.Random(f"{self._cut.seed}/{self.name}/order/{turn}").shuffle(order)
            self._round = (turn, order)
        return text_sample(
            self._cut.encode(self.texts[self._round[1][index]]), rng, self._cut.length, end=self._cut.end
        )


class JsonLines:
    """Records of one or more .jsonl files in their order, over and over. The place in them is a byte of a file."""

    def __init__(self, name: str, cut: Cut, path: Path) -> None:
        self.name, self._cut = name, cut
        self._paths = json_lines_files(name, path)
        self._file = self._byte = self._drawn = 0
        self._key = {each.name: _digest(each) for each in self._paths}

    def next(self) -> Sample:
        """The next sample.

        Raises:
            TableError: a line is not a record.
            SettingError: no record can be used.
        """
        for _ in range(LONGEST_SEARCH):
            line = self._line()
            where = f"{self._paths[self._file].name}, before byte {self._byte}"
            sample = _of_record(_parsed(line, where), self.name, self._drawn, self._cut, where)
            self._drawn += 1
            if sample is not None:
                return sample
        raise _nothing(self.name)

    def _line(self) -> bytes:
        for _ in range(len(self._paths) + 1):
            with self._paths[self._file].open("rb") as file:
                file.seek(self._byte)
                for line in file:
                    self._byte += len(line)
                    if line.strip():
                        return line
            self._file, self._byte = (self._file + 1) % len(self._paths), 0
        raise _nothing(self.name)

    def state(self) -> dict[str, Any]:
        """The file, the byte in it, how many records have been drawn, and of which files."""
        return {"file": self._file, "byte": self._byte, "drawn": self._drawn, "files": self._key}

    def restore(self, state: dict[str, Any]) -> None:
        """Continue from there.

        Raises:
            SettingError: the files are others now, or hold something else.
        """
        before = state.get("files", {})
        names = sorted(name for name in before.keys() | self._key.keys() if before.get(name) != self._key.get(name))
        if names:
            what = f"its files are not those that the run began with: {', '.join(names)}"
            raise SettingError(what, where=self.name, mend="put the data back, or start a new run")
        self._file, self._byte, self._drawn = int(state["file"]), int(state["byte"]), int(state["drawn"])


def json_lines_files(name: str, path: Path) -> list[Path]:
    """The file, or the .jsonl files of the folder, that a source was given.

    Raises:
        SettingError: there is none, or it is a pipe.
    """
    paths = sorted(path.glob("*.jsonl")) if path.is_dir() else [path]
    if paths and all(each.is_file() for each in paths):
        return paths
    what = "there is no .jsonl file in it" if path.is_dir() else "there is no such file"
    if path.exists() and not path.is_dir():
        what = "it is a pipe, and a run goes through its data more than once"
    raise SettingError(what, where=str(path), mend=f"give --data {name}=FILE.jsonl or a folder of such files")


class HubDataset:
    """Records of a data set of the Hugging Face hub, streamed in its order, over and over."""

    def __init__(self, name: str, cut: Cut, path: str, config: str | None = None, split: str = "train") -> None:
        try:
            import datasets  # heavy, and only this source needs it
        except ImportError:
            mend = "pip install -e '.[datasets]', or give a .jsonl file"
            raise SettingError("the package datasets is not installed", where=name, mend=mend) from None
        self.name, self._cut, self._drawn = name, cut, 0
        self._data = datasets.load_dataset(path, config, split=split, streaming=True)
        self._records: Iterator[Mapping[str, Any]] = iter(self._data)
        self._read = 0  # records of this round
        self._last = ""  # what the last of them was

    def next(self) -> Sample:
        """The next sample.

        Raises:
            TableError: a record has none of the known fields.
            SettingError: no record can be used.
        """
        for _ in range(LONGEST_SEARCH):
            record = next(self._records, None)
            if record is None:
                if not self._read:
                    break
                self._records, self._read = iter(self._data), 0
                continue
            sample = _of_record(record, self.name, self._drawn, self._cut, f"{self.name}, record {self._read + 1}")
            self._read, self._drawn, self._last = self._read + 1, self._drawn + 1, _record_key(record)
            if sample is not None:
                return sample
        raise _nothing(self.name)

    def state(self) -> dict[str, Any]:
        """How many records have been read in this round, and in all, and what the last of them was."""
        return {"read": self._read, "drawn": self._drawn, "last": self._last}

    def restore(self, state: dict[str, Any]) -> None:
        """Continue from there: the records before are skipped, which takes its time in a large set.

        Raises:
            SettingError: another record is where the last one was.
        """
        self._read, self._drawn, self._last = int(state["read"]), int(state["drawn"]), str(state.get("last", ""))
        self._records = iter(self._data.skip(max(0, self._read - 1)))
        if self._read and _record_key(next(self._records, {})) != self._last:
            what = f"record {self._read:,} of it is not what the run began with"
            raise SettingError(what, where=self.name, mend="start a new run")


def _of_record(record: Mapping[str, Any], name: str, number: int, cut: Cut, where: str) -> Sample | None:
    rng = random.Random(f"{cut.seed}/{name}/{number}")
    if any(isinstance(value, str) and _HALF.search(value) for value in record.values()):
        return None  # a character that is none costs its record
    if isinstance(text := record.get("text"), str):
        return None if cut.withheld.holds(text) else text_sample(cut.encode(text), rng, cut.length, end=cut.end)
    for asked, answered in ANSWERED:
        prompt, answer = record.get(asked), record.get(answered)
        if isinstance(prompt, str) and isinstance(answer, str):
            prompt, answer = prompt.rstrip(" "), answer.strip()
            if not prompt or not answer or cut.withheld.holds_row(prompt, answer):
                return None
            episode = Episode(name, ((prompt, f"{joiner(prompt)}{answer}\n"),))
            return episode_sample(episode, cut.encode, rng, cut.length)
    raise TableError(
        f"a record with the fields {', '.join(record) or 'none'}",
        where=where,
        mend="it should have text, or prompt and completion, or inputs and targets, each one text",
    )


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:16]


def _record_key(record: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(record, sort_keys=True, default=str).encode()).hexdigest()[:16]


def _parsed(line: bytes, where: str) -> Mapping[str, Any]:
    try:
        record = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise TableError(f"a line that is not JSON ({error})", where=where) from None
    if not isinstance(record, dict):
        raise TableError("a line that is not a JSON object", where=where)
    return record


def _nothing(name: str) -> SettingError:
    return SettingError("nothing in it can be trained on", where=name, mend="give other data, or a longer sequence")
