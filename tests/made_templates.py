"""Templates for tests: the model card's five prompts to the byte, and any template that is valid."""

from __future__ import annotations

from contextlib import suppress

from hypothesis import strategies as st

from gptjt_demo.errors import TemplateError
from gptjt_demo.likeness import seen
from gptjt_demo.settings import Sampling
from gptjt_demo.templates.answer_check import Check, normalised
from gptjt_demo.templates.answer_shape import AnswerShape
from gptjt_demo.templates.template import Example, Input, Template

PROMPTS = {
    "emotion": (
        "The task is to label the post's emotion as sadness, joy, love, anger, fear, or surprise.\n\n"
        "Input: I'm feeling quite sad and sorry for myself but ill snap out of it soon.\nOutput: sadness\n\n"
        "Input: I am just feeling cranky and blue.\nOutput: anger\n\n"
        "Input: I can have for a treat or if i am feeling festive.\nOutput:"
    ),
    "currency": (
        "Return the currency of the given country.\n\nInput: Switzerland\nOutput: Swiss Franc\n\nInput: India\nOutput:"
    ),
    "hate": (
        "Label whether the following tweet contains hate speech against either immigrants or women. Hate Speech (HS) "
        "is commonly defined as any communication that disparages a person or a group on the basis of some "
        "characteristic such as race, color, ethnicity, gender, sexual orientation, nationality, religion, or other "
        "characteristics.\n"
        "Possible labels:\n1. hate speech\n2. not hate speech\n\n"
        "Tweet: HOW REFRESHING! In South Korea, there is no such thing as 'political correctness\" when it comes to "
        "dealing with Muslim refugee wannabes via @user\nLabel: hate speech\n\n"
        "Tweet: New to Twitter-- any men on here know what the process is to get #verified?\nLabel: not hate speech\n\n"
        "Tweet: Dont worry @user you are and will always be the most hysterical woman.\nLabel:"
    ),
    "entities": (
        "Extract all the names of people, places, and organizations from the following sentences.\n\n"
        "Sentence: Satya Nadella, the CEO of Microsoft, was visiting the Bahamas last May.\n"
        "Entities: Satya Nadella, Microsoft, Bahamas\n\n"
        "Sentence: Pacific Northwest cities include Seattle and Portland, which I have visited with Vikash.\nEntities:"
    ),
    "cleaning": (
        "Format the data into a CSV file:\n\n"
        "Input: Jane Doe jane.doe@example.com (520) 382 2435\nOutput: Jane Doe,jane.doe@example.com,520-382-2435\n\n"
        "Input: Peter Lee (510) 333-2429 email: peter@example.com\nOutput:"
    ),
}

# Text that breaks file formats and template engines, and any other text that UTF-8 can hold.
NASTY = [
    "",
    " ",
    "\n",
    "NO",
    "007",
    "1e5",
    "~",
    "null",
    "# no",
    "a: b",
    "- a",
    "{{input}}",
    "${x}",
    "%s",
    "\\n",
    "'",
    '"',
]
NASTY += [
    "\u2028",
    "\x85",
    "\ufeff",
    "\x00",
    "\x1b[0m",
    "👩‍🔬",
    "<|endoftext|>",
    "a \n b",
    "\n\n\n",
    "|-",
    "a\n\nb\n",
    "---",
    "`",
]
texts = st.lists(st.sampled_from(NASTY) | st.text(max_size=8), max_size=4).map("".join)
SHAPES = (
    AnswerShape(columns=3),
    AnswerShape(from_input=True, separator=" # "),
    AnswerShape(pattern=r"\w+: (yes|no) # '\"{2}|[^\n]/"),
    AnswerShape(one_of=("NO", "007", " a: b", "a, b\n")),
)
labels = st.lists(texts.filter(seen), max_size=4, unique_by=lambda label: normalised(label.replace("\r", "\n")))


@st.composite
def templates(draw: st.DrawFn) -> Template:
    names = draw(
        st.lists(st.sampled_from(["input", "no", "007", "premise", "a_b"]), min_size=1, max_size=3, unique=True)
    )
    gaps = st.sampled_from(["\n\n", "\n", " ", "", "\n---\n", "\u2028", "\t"])
    rows = st.fixed_dictionaries({**dict.fromkeys(names, texts), "output": texts})
    cues = st.text(max_size=6) | st.sampled_from(["Input: ", "Q.", "=>", "", "\n", "भा"])
    made = Template(
        name="any-1",
        title="Any: # title",
        description=draw(texts),
        instruction=draw(texts),
        inputs=tuple(Input(name=name, cue=draw(cues)) for name in names),
        output_cue=draw(cues),
        separator=draw(gaps),
        field_separator=draw(gaps),
        examples=tuple(Example.model_validate(row) for row in draw(st.lists(rows, max_size=3))),
        query={name: draw(texts) for name in names},
        labels=tuple(draw(labels)),
        generation=Sampling(
            max_new_tokens=draw(st.integers(1, 1024)),
            temperature=draw(st.floats(0, 5)),
            seed=draw(st.none() | st.integers(0, 2**32 - 1)),
            stop=tuple(draw(st.lists(texts.filter(bool), max_size=3, unique=True))),
        ),
        attention=draw(st.sampled_from([None, "prefix", "causal"])),
        check=draw(st.sampled_from([None, Check(columns=3), Check(from_input=True)])),
        notice=draw(texts),
    )
    shape = draw(st.sampled_from([None, *SHAPES]))
    with suppress(TemplateError):  # a stop may stand in all its answers
        return made.revised(shape=shape)
    return made
