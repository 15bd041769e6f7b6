"""The one way to a model: stream, complete, score, and the same for many prompts.

In: prompts as exact text, settings, labels. Out: tokens, completions, label scores, each naming the model that gave it.
Does not know templates (their stops arrive in the settings), files, or how a model was loaded. There is one decoding
loop, `decoding.decode`; `stream` runs it on one prompt and `complete_many` on a padded batch.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any, get_args

from gptjt_demo.engine.answer import Answer
from gptjt_demo.engine.batching import Reader, batches
from gptjt_demo.engine.constraint import Shaper
from gptjt_demo.engine.decoding import decode
from gptjt_demo.engine.drafting import PATIENCE, Drafter
from gptjt_demo.engine.exact_text import exact_text, listed
from gptjt_demo.engine.label_scores import Rule, check_labels, label_scores
from gptjt_demo.engine.prompt import Detail, Prompt
from gptjt_demo.engine.protocol import Loading
from gptjt_demo.engine.results import Completion, LabelScore, Likelihood
from gptjt_demo.engine.steps import LanguageModel
from gptjt_demo.engine.stream import Stream
from gptjt_demo.engine.turns import Flag
from gptjt_demo.engine.vocabulary import Vocabulary
from gptjt_demo.errors import PlaygroundError, PromptError, PromptTooLong, SettingError
from gptjt_demo.settings import Attention, Sampling
from gptjt_demo.settings.shape import Shape


class Engine:
    """A causal LM of transformers with its tokenizer, asked with prefix attention where it can.

    Threads may share it: their steps take turns, those of calls in the background last, and a request's seed decides
    its text whatever else runs.

    Attributes:
        name: shown with every answer.
        context: tokens that prompt and answer may have together.
        attention: the mode of calls that name none.
        supports_prefix: whether the model passed the mask's self-test; if not, every answer is causal and says so.
        notes: what was decided at load, a line each.
        stand_in: it answers in place of another model, and is shown as such.
        control: the tokens that stand for no text.
        steps: computes the model's steps; `exchange` puts another in its place.
        vocabulary: texts to tokens and back.
        loading, notice, metered: as of a model that is there, and that nobody need be told about.

    Args:
        model: a `PreTrainedModel` with a language-model head, or another `LanguageModel`.
        tokenizer: its tokenizer.
        name: by default the model's own.
        context: by default what the model's configuration says.
        attention: the default mode.
        notes: lines of a load report.
        stand_in: whether it stands in for another model.
    """

    loading: Loading | None = None
    notice = ""
    metered = False

    def __init__(
        self,
        model: Any,
        tokenizer: Any,
        *,
        name: str | None = None,
        context: int | None = None,
        attention: Attention = "prefix",
        notes: Sequence[str] = (),
        stand_in: bool = False,
    ) -> None:
        self.steps = _steps(model)
        self.vocabulary = Vocabulary(tokenizer, self.steps.vocabulary, self.steps.ends)
        self._reader = Reader(self.steps, self.vocabulary.unreal)
        self._shaper = Shaper(self.vocabulary)
        self.control = self.vocabulary.control
        self.name = name or self.steps.name
        self.context = context or self.steps.context
        self.self_test = self.steps.test
        self.supports_prefix = self.steps.test.supports_prefix
        self.attention: Attention = attention if self.supports_prefix else "causal"
        self.stand_in = stand_in
        self.notes = (*notes, f"mask self-test: {self.steps.test.reason}")

    def exchange(self, model: LanguageModel, notes: Sequence[str] = ()) -> None:
        """Answer with another form of the same model from the next call on; calls that have begun end as they began.

        Args:
            model: of the same weights.
            notes: lines of its load report.
        """
        self.notes = (*notes, f"mask self-test: {model.test.reason}")
        self.steps, self._reader = model, Reader(model, self.vocabulary.unreal)

    def pause(self) -> AbstractContextManager[None]:
        """Hold the model's steps, so that its modules can be exchanged; requests wait, and continue after it."""
        return self.steps.pause()

    def count_tokens(self, text: str) -> int:
        """How many tokens a text has."""
        return len(self.encode(text))

    def encode(self, text: str) -> list[int]:
        """A text's token ids; control tokens typed in it are only text."""
        return self.vocabulary.encode(text)

    def decode(self, ids: Sequence[int]) -> str:
        """The text of token ids; a character that is not complete is U+FFFD.

        Raises:
            PromptError: one is not a token.
        """
        return self.vocabulary.decode(self.vocabulary.checked(ids, "tokens"))

    def tokens(self, text: str) -> list[str]:
        """A text's tokens, each as text."""
        return [self.vocabulary.decode([id]) for id in self.vocabulary.encode(text)]

    def resolve(self, attention: Attention | None) -> Attention:
        """The mode that a call which asks for `attention` runs in."""
        if attention is not None and attention not in get_args(Attention):
            raise SettingError(f"{attention!r} is neither prefix nor causal", where="attention")
        return (attention or self.attention) if self.supports_prefix else "causal"

    def stream(
        self,
        prompt: Prompt,
        sampling: Sampling | None = None,
        *,
        attention: Attention | None = None,
        continuation: Sequence[int] = (),
        drafting: bool | None = None,
        detail: Detail | None = None,
        shape: Shape | None = None,
        cancel: threading.Event | None = None,
    ) -> Stream:
        """Answer a prompt token by token.

        Args:
            prompt: exact text, or the ids of its tokens; nothing is added to it or taken from it.
            sampling: settings, the stop sequences among them.
            attention: "prefix" or "causal"; the engine's own by default.
            continuation: token ids that the answer begins with. Like all of the answer they are read causally; they are
                not given out again, and a stop within them does not count.
            detail: what is kept with it.
            shape: what the answer must be. Tokens that do not lead there are not offered, and where the answer would
                have it anyway, it is the same answer.
            cancel: set it to stop within a layer of the prefill or a token of the answer.

        Raises:
            PromptError: the prompt is blank, or neither text nor tokens; or a continuation does not lead to the shape.
            SettingError: a setting is out of its range, no answer has the shape, or an echo is wanted of a prompt that
                is not read causally.
            PromptTooLong: prompt and answer exceed the context. Both come at the call, before any work.
        """
        mode = self.resolve(attention)
        if detail is not None and detail.echo and mode != "causal":
            raise SettingError(
                "in prefix mode a prompt's own tokens have no log probabilities", where="echo", mend="read it causally"
            )
        answer = self._answer(0, prompt, _settings(sampling), continuation, detail, shape)
        if answer.greedy and (drafting or (drafting is None and self.steps.rows_alike)):
            answer.drafter = Drafter(answer.prompt_ids, None if drafting else PATIENCE)
        return Stream(decode(self._reader, [answer], mode, Flag(cancel)), answer, self.name, mode)

    def complete(
        self,
        prompt: Prompt,
        sampling: Sampling | None = None,
        *,
        attention: Attention | None = None,
        continuation: Sequence[int] = (),
        drafting: bool | None = None,
        detail: Detail | None = None,
        shape: Shape | None = None,
        cancel: threading.Event | None = None,
    ) -> Completion:
        """Answer a prompt: `stream` joined, with the same arguments and errors."""
        stream = self.stream(
            prompt,
            sampling,
            attention=attention,
            continuation=continuation,
            drafting=drafting,
            detail=detail,
            shape=shape,
            cancel=cancel,
        )
        for _ in stream:
            pass
        return stream.completion

    def complete_many(
        self,
        prompts: Sequence[Prompt],
        sampling: Sampling | None = None,
        *,
        attention: Attention | None = None,
        detail: Detail | None = None,
        shapes: Sequence[Shape | None] | None = None,
        cancel: threading.Event | None = None,
        background: bool = False,
    ) -> Iterator[tuple[int, Completion | PlaygroundError]]:
        """Answer prompts in padded batches, longest first. In causal mode, what all begin with is read once.

        Args:
            detail: what is kept with each; a prompt is not echoed here.
            shapes: what each answer must be, one a prompt; None is free text.
            background: give way, within a layer, to calls that are not in the background; they leave it a share.

        Yields:
            (index into `prompts`, completion), in the order in which they end. A prompt that cannot be answered gives
            its error in place of a completion. A set `cancel` ends the iteration.
        """
        mode, flag = self.resolve(attention), Flag(cancel, background)
        settings, answers = _settings(sampling), list[Answer]()
        detail = replace(detail or Detail(), echo=False)
        given = listed(prompts, "prompts")
        if shapes is not None and len(shapes) != len(given):
            raise SettingError(f"{len(shapes)} for {len(given)} prompts", where="shapes", mend="give one a prompt")
        for index, (prompt, shape) in enumerate(zip(given, shapes or [None] * len(given), strict=True)):
            try:
                answers.append(self._answer(index, prompt, settings, (), detail, shape))
            except (PromptError, SettingError) as error:
                yield index, error
        room = settings.max_new_tokens
        reader = self._reader  # one for all: another form of the model may come meanwhile
        header = reader.header([answer.prompt_ids for answer in answers], mode, flag)
        for batch in batches(answers, [len(answer.prompt_ids) + room for answer in answers]):
            for answer, _ in decode(reader, batch, mode, flag, header):
                if answer.done and answer.stop_reason != "cancelled":
                    yield answer.index, answer.completion(self.name, mode)
            if flag():
                return

    def score(
        self,
        prompt: Prompt,
        labels: Sequence[str],
        *,
        end: str = "\n",
        rule: Rule = "logprob",
        attention: Attention | None = None,
        cancel: threading.Event | None = None,
    ) -> list[LabelScore]:
        """How likely each label is as the answer, from one prefill.

        The prompt is read in the mode asked for, `joiner + label + end` causally behind it and tokenized apart from it;
        labels do not see each other.

        Args:
            prompt: exact text, or the ids of its tokens.
            labels: at least one; their order changes nothing.
            end: what ends an answer; counted with the label, so that one label may begin another.
            rule: what `share` is the softmax of.
            attention: "prefix" or "causal".
            cancel: set it to give up; the list is then empty.

        Returns:
            one `LabelScore` a label, in their order.

        Raises:
            PromptError: the prompt or a label is blank or no text, or two labels read alike.
            PromptTooLong: prompt and label exceed the context.
        """
        for _, scores in self.score_many([prompt], labels, end=end, rule=rule, attention=attention, cancel=cancel):
            if isinstance(scores, PlaygroundError):
                raise scores
            return scores
        return []

    def score_many(
        self,
        prompts: Sequence[Prompt],
        labels: Sequence[str],
        *,
        end: str = "\n",
        rule: Rule = "logprob",
        attention: Attention | None = None,
        cancel: threading.Event | None = None,
        background: bool = False,
    ) -> Iterator[tuple[int, list[LabelScore] | PlaygroundError]]:
        """`score` for many prompts, in padded batches, longest first. In causal mode, what all begin with is read once.

        Args:
            background: give way, within a layer, to calls that are not in the background; they leave it a share.

        Yields:
            (index into `prompts`, scores or the prompt's error). A set `cancel` ends the iteration.
        """
        labels, prompts = check_labels(labels, rule), listed(prompts, "prompts")
        exact_text(end, "end")
        mode, flag = self.resolve(attention), Flag(cancel, background)
        # Prompts that end in white space take their labels without a joiner, so they are scored apart from the others.
        for space in ("", " "):
            texts = [space + label + end for label in labels]
            branches = [self.vocabulary.encode(text) for text in texts]
            lengths = [len(ids) for ids in branches]
            group: list[tuple[int, list[int]]] = []  # (index, ids)
            for index, prompt in enumerate(prompts):
                if self.vocabulary.joiner(prompt) == space:
                    try:
                        group.append((index, self._prompt_ids(prompt, max(lengths), "the longest label")))
                    except PromptError as error:
                        yield index, error
            for index, found in self._reader.weigh(group, branches, mode, flag):
                yield index, label_scores(labels, texts, lengths, [each.logprob for each in found], rule)
            if flag():
                return

    def likelihoods(
        self,
        prompts: Sequence[Prompt],
        continuations: Sequence[Sequence[int]],
        *,
        attention: Attention | None = None,
        cancel: threading.Event | None = None,
        background: bool = False,
    ) -> Iterator[tuple[int, list[Likelihood] | PlaygroundError]]:
        """`score_many` for continuations of token ids, with nothing put between them and the prompt, and no end.

        Args:
            continuations: at least one token each. The last one is only predicted, so that prompt and continuation may
                together have one token more than there is room for.

        Yields:
            (index into `prompts`, a `Likelihood` for each continuation or the prompt's error). A set `cancel` ends the
            iteration.

        Raises:
            PromptError: a continuation is empty, or holds what is no token.
        """
        mode, flag = self.resolve(attention), Flag(cancel, background)
        branches = [self.vocabulary.checked(ids, "continuations") for ids in listed(continuations, "continuations")]
        if not branches or not all(branches):
            raise PromptError("there are none, or one has no tokens", where="continuations", mend="give at least one")
        group: list[tuple[int, list[int]]] = []  # (index, ids)
        for index, prompt in enumerate(listed(prompts, "prompts")):
            try:
                room = max(map(len, branches)) - 1
                group.append((index, self._prompt_ids(prompt, room, "the longest continuation")))
            except PromptError as error:
                yield index, error
        yield from self._reader.weigh(group, branches, mode, flag)

    def _answer(
        self,
        index: int,
        prompt: Prompt,
        sampling: Sampling,
        continuation: Sequence[int] = (),
        detail: Detail | None = None,
        shape: Shape | None = None,
    ) -> Answer:
        continuation = self.vocabulary.checked(continuation, "continuation")
        room = len(continuation) + sampling.max_new_tokens
        # Who asks for an echo may ask for nothing else: the last token is never read.
        if detail is not None and detail.echo:
            room -= 1
        ids = self._prompt_ids(prompt, room, "new tokens")
        return Answer(index, prompt, ids, sampling, self.vocabulary, continuation, detail, shape, self._shaper)

    def _prompt_ids(self, prompt: Prompt, room: int, what: str) -> list[int]:
        ids = self.vocabulary.read(prompt)
        if len(ids) + room > self.context:
            raise PromptTooLong(
                f"the prompt has {len(ids)} tokens and {what} take {room}, together {len(ids) + room}; "
                f"{self.name} has room for {self.context}",
                mend="shorten the prompt, use fewer examples or lower max_new_tokens",
            )
        return ids


def _settings(sampling: Sampling | None) -> Sampling:
    """The settings, within their ranges even where they were copied past the checks."""
    if sampling is None:
        return Sampling()
    if not isinstance(sampling, Sampling):
        raise SettingError(f"it is {type(sampling).__name__}", where="sampling", mend="give a Sampling")
    return Sampling.read(dict(sampling))


def _steps(model: Any) -> LanguageModel:
    if isinstance(model, LanguageModel):
        return model
    from gptjt_demo.engine.prefix_lm import PrefixLM  # transformers, which other models do without

    return PrefixLM(model)
