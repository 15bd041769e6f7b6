"""The model `gptjt` of EleutherAI's lm-evaluation-harness: a prefix LM scored the way it was trained.

In: the harness's requests. Out: log likelihoods and texts, from an `Engine` in this process. What the harness calls the
context is the prompt: it is read with the mask that was asked for, and a continuation causally behind it, tokenized
apart from it, as `Engine.score` does with `end=""`. Does not know tasks and their metrics. The harness finds it by the
entry point in pyproject.toml, or, where it is too old for that, once this module is imported.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

from lm_eval.api.model import LM
from lm_eval.api.registry import register_model
from lm_eval.models.utils import normalize_gen_kwargs
from lm_eval.utils import get_rolling_token_windows, make_disjoint_window
from tqdm import tqdm

import gptjt_demo
from gptjt_demo.engine.prompt import Detail
from gptjt_demo.errors import PlaygroundError, PromptError, SettingError
from gptjt_demo.settings import Attention, Device, Sampling

if TYPE_CHECKING:
    from gptjt_demo.engine.engine import Engine
    from gptjt_demo.engine.results import Likelihood

NAME = "gptjt"
LONGEST_ANSWER = 256  # tokens of an answer where a task names no limit: the harness's own default

_log = logging.getLogger(__name__)

Ids = tuple[int, ...]
Answered = tuple[float, bool]


@register_model(NAME)
class PrefixLM(LM):
    """An engine as a model of the harness: `--model gptjt --model_args pretrained=mini,attention=prefix`.

    Attributes:
        engine: what answers.
        attention: the mode that contexts are read in.

    Args:
        pretrained: a known name, a folder or a hub id; an `Engine` is taken as it is.
        attention: "prefix" or "causal"; the model's own by default.
        device: "cpu", or what the harness says by itself, "cuda:0", which is a GPU where there is one.
        seed: of tasks that sample.
        batch_size: the engine makes batches by itself; what the harness passes is not used.
        max_batch_size: as above.

    Raises:
        ModelError: there is no such model, or it does not run here.
        SettingError: the mode is unknown, or the model cannot be read in it.
    """

    def __init__(
        self,
        pretrained: str | Engine = "mini",
        *,
        attention: Attention | None = None,
        device: str | None = None,
        seed: int = 1234,
        batch_size: Any = None,
        max_batch_size: Any = None,
    ) -> None:
        super().__init__()
        if isinstance(pretrained, str):
            gpu = device is None or device.startswith("cuda")
            pretrained = gptjt_demo.load(pretrained, device="auto" if gpu else cast(Device, device))
        self.engine = pretrained
        self.attention = self.engine.resolve(attention)
        if attention is not None and self.attention != attention:
            what = f"{self.engine.name} cannot be read in {attention} mode"
            raise SettingError(what, where="attention", mend=f"use {self.attention}")
        self._seed = seed
        _log.info("%s, contexts are read in %s mode", self.engine.name, self.attention)

    @property
    def tokenizer_name(self) -> str:
        """What the harness tells its caches of requests apart by."""
        return self.engine.name

    def apply_chat_template(self, chat_history: list[dict[str, str]], add_generation_prompt: bool = True) -> str:
        """Refused: the prompt is the exact text.

        Raises:
            SettingError: always.
        """
        raise SettingError("the model goes on from exact text", where="--apply_chat_template", mend="leave it out")

    def loglikelihood(self, requests: list[Any], disable_tqdm: bool = False) -> list[Answered]:
        """The log likelihood of each continuation behind its context, and whether it is what greedy decoding gives.

        A context that is too long loses its beginning, as in the harness's own models.
        """
        pairs = []
        for context, continuation in (request.args for request in requests):
            ids = self.engine.encode(continuation)
            pairs.append((self._read(context, len(ids) - 1), ids))  # the last one is only predicted
        found = self._weigh(pairs, disable_tqdm)
        answers = [(each.logprob, each.greedy) for each in found]
        for request, answer in zip(requests, answers, strict=True):
            self.cache_hook.add_partial("loglikelihood", request.args, answer)
        return answers

    def loglikelihood_rolling(self, requests: list[Any], disable_tqdm: bool = False) -> list[float]:
        """The log likelihood of whole texts, in windows of the model's context.

        Raises:
            SettingError: contexts are read in prefix mode, where no token of a text is predicted from the text before
                it alone.
        """
        if self.attention != "causal":
            raise SettingError(
                "a text without a prompt has no likelihood in prefix mode", where="attention", mend="use causal"
            )
        windows: list[tuple[int, tuple[list[int], list[int]]]] = []  # (place of the text, (context, continuation))
        for place, request in enumerate(requests):
            ids = self.engine.encode(*request.args)
            pieces = get_rolling_token_windows(ids, self._start, self.engine.context, 1)
            windows += [(place, make_disjoint_window(piece)) for piece in pieces]
        sums = [0.0] * len(requests)
        for (place, _), found in zip(windows, self._weigh([pair for _, pair in windows], disable_tqdm), strict=True):
            sums[place] += found.logprob
        for request, answer in zip(requests, sums, strict=True):
            self.cache_hook.add_partial("loglikelihood_rolling", request.args, answer)
        return sums

    def generate_until(self, requests: list[Any], disable_tqdm: bool = False) -> list[str]:
        """What the model goes on with behind each context, up to the task's stops; contexts with one setting together.

        Raises:
            PlaygroundError: a setting is unknown, or a context cannot be answered.
        """
        groups: dict[str, list[int]] = {}
        for place, request in enumerate(requests):
            groups.setdefault(json.dumps(request.args[1], sort_keys=True), []).append(place)
        texts = [""] * len(requests)
        with tqdm(total=len(requests), disable=disable_tqdm, desc="gptjt: answers") as bar:
            for places in groups.values():
                sampling = self._sampling(requests[places[0]].args[1])
                contexts = [self._read(requests[place].args[0], sampling.max_new_tokens) for place in places]
                how: Any = {"attention": self.attention, "detail": Detail(alternatives=1, exact=True)}
                for index, outcome in self.engine.complete_many(contexts, sampling, **how):
                    if isinstance(outcome, PlaygroundError):
                        raise outcome
                    request, text = requests[places[index]], outcome.text
                    texts[places[index]] = text
                    self.cache_hook.add_partial("generate_until", request.args, text)
                    bar.update()
        return texts

    @property
    def _start(self) -> int:
        """What an empty context is read as."""
        if self.engine.control.start is None:
            raise PromptError("it is empty, and this tokenizer has no token that begins a text", where="context")
        return self.engine.control.start

    def _read(self, context: str, room: int) -> list[int]:
        """A context's token ids, without what does not fit at its beginning if there is to be room behind it."""
        ids = self.engine.encode(context) or [self._start]
        most = self.engine.context - room
        if 0 < most < len(ids):
            _log.warning("a context of %d tokens is too long: its first %d are cut", len(ids), len(ids) - most)
            return ids[-most:]
        return ids

    def _weigh(self, pairs: Sequence[tuple[Sequence[int], Sequence[int]]], quiet: bool) -> list[Likelihood]:
        """How likely each continuation is behind its context. Contexts with the same continuations go together."""
        places: dict[Ids, dict[Ids, list[int]]] = {}  # by context, by continuation
        for place, (context, continuation) in enumerate(pairs):
            places.setdefault(tuple(context), {}).setdefault(tuple(continuation), []).append(place)
        groups: dict[tuple[Ids, ...], list[Ids]] = {}
        for ids, found in places.items():
            groups.setdefault(tuple(found), []).append(ids)
        answers: dict[int, Likelihood] = {}
        with tqdm(total=len(pairs), disable=quiet, desc="gptjt: likelihoods") as bar:
            for continuations, contexts in groups.items():
                for some in _portions(continuations, self.engine.context):
                    for index, row in self.engine.likelihoods(contexts, some, attention=self.attention):
                        if isinstance(row, PlaygroundError):
                            raise row
                        for ids, likelihood in zip(some, row, strict=True):
                            for place in places[contexts[index]][ids]:
                                answers[place] = likelihood
                                bar.update()
        return [answers[place] for place in range(len(pairs))]

    def _sampling(self, given: Mapping[str, Any]) -> Sampling:
        """A task's generation settings as ours."""
        settings = dict(normalize_gen_kwargs(dict(given), LONGEST_ANSWER))
        if not settings.pop("do_sample"):
            settings["temperature"] = 0.0
        settings["max_new_tokens"] = settings.pop("max_gen_toks")
        settings["stop"] = [text for text in settings.pop("until") if text]
        return Sampling.read({"seed": self._seed, **settings})


def _portions(continuations: Sequence[Ids], most: int) -> Iterator[list[Ids]]:
    """The continuations, as many at a time as have no more than `most` tokens together, or a single one."""
    portion: list[Ids] = []
    for ids in continuations:
        if portion and sum(map(len, portion)) + len(ids) > most:
            yield portion
            portion = []
        portion.append(ids)
    yield portion
