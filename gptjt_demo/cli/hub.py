"""Templates of a repository of the Hugging Face hub: `hf:OWNER/REPO[/PATH]@REVISION`, for the command line alone.

In: such a name. Out: templates that the strict reader took, each saying where it is from. A file may be YAML or, where
it is named itself, JSON; sizes and number are looked at before anything is downloaded, and nothing is ever run. A
revision that is not named is resolved, and said. Knows nothing of models.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gptjt_demo.cli.output import say
from gptjt_demo.errors import PlaygroundError, TemplateError
from gptjt_demo.templates import yaml_text
from gptjt_demo.templates.formats import kept
from gptjt_demo.templates.template import Template

FORM = "hf:OWNER/REPO[/PATH]@REVISION"
MOST_FILES = 50
MOST_BYTES = 8 * 1024 * 1024  # of all files together
_ENDINGS = (".yaml", ".yml")
_NAME = re.compile(
    r"hf:(?:(?P<kind>datasets|spaces|models)/)?(?P<repository>[\w.-]+/[\w.-]+)(?P<path>(?:/[^/@][^@]*)?)"
    r"(?:@(?P<revision>\w[\w./-]*))?"
)


@dataclass(frozen=True)
class HubName:
    """What a name says. `path` is empty for the whole repository, `revision` None where it is left open."""

    repository: str
    kind: str | None
    path: str
    revision: str | None

    def at(self, revision: str) -> str:
        """The name with that revision."""
        kind = f"{self.kind}s/" if self.kind else ""
        path = f"/{self.path}" if self.path else ""
        return f"hf:{kind}{self.repository}{path}@{revision}"


def is_hub_name(source: str) -> bool:
    """Whether a word of the command line is such a name."""
    return source.startswith("hf:")


def parsed(source: str) -> HubName:
    """What a name says.

    Raises:
        TemplateError: it is not of the form.
    """
    found = _NAME.fullmatch(source)
    if found is None or ".." in source.split("/"):
        raise TemplateError("not the name of a repository's templates", where=source, mend=f"write {FORM}")
    kind = {"datasets": "dataset", "spaces": "space"}.get(found["kind"] or "")
    return HubName(found["repository"], kind, found["path"].strip("/"), found["revision"])


def fetched(source: str) -> list[Template]:
    """The templates behind a name.

    Raises:
        TemplateError: there is no such repository, revision or file, the hub is out of reach, there is too much, or no
            file is a template.
    """
    asked = parsed(source)
    try:
        commit, sizes = _listed(asked)
        files = _chosen(asked, sizes)
        if asked.revision != commit:
            say(f"{asked.at(asked.revision or 'main')} is {asked.at(commit)}")
        texts = {file: _text(asked, commit, file) for file in files}
    except PlaygroundError:
        raise
    except Exception as error:  # of many kinds, where the environment keeps a connection from being set up
        what, mend = _reason(error)
        raise TemplateError(what, where=source, mend=mend) from error
    found: list[Template] = []
    for file, text in texts.items():
        where = f"{asked.repository}/{file}"
        try:
            templates = kept.read(text, where) if file.endswith(".json") else [Template.from_yaml(text, where)]
        except TemplateError as error:
            if file == asked.path:
                raise
            say(f"left out: {error}")
            continue
        whole = HubName(asked.repository, asked.kind, file, None).at(commit)
        found += [each if each.source else each.revised(source=whole[:500]) for each in templates]
    if not found:
        raise TemplateError("none of its files is a template", where=source, mend="name the file")
    return found


def _listed(asked: HubName) -> tuple[str, dict[str, int | None]]:
    """The commit of the revision, and every file with its size, where the hub says it."""
    from huggingface_hub import HfApi

    info = HfApi().repo_info(
        asked.repository, revision=asked.revision, repo_type=asked.kind, files_metadata=True, timeout=20
    )
    files: Any = getattr(info, "siblings", None) or ()
    return str(info.sha), {file.rfilename: file.size for file in files}


def _chosen(asked: HubName, sizes: dict[str, int | None]) -> list[str]:
    """The files to read, all of which are few and small enough."""
    where = asked.at(asked.revision or "main")
    if asked.path in sizes:
        if not asked.path.lower().endswith((*_ENDINGS, ".json")):
            raise TemplateError("neither YAML nor JSON", where=where, mend="name a template's file")
        files = [asked.path]
    else:
        folder = f"{asked.path}/" if asked.path else ""
        below = [file for file in sizes if file.startswith(folder)]
        if asked.path and not below:
            raise TemplateError(f"there is no {asked.path!r} in it", where=where, mend="check the path")
        hidden = re.compile(r"(?:^|/)\.")
        files = sorted(each for each in below if each.lower().endswith(_ENDINGS) and not hidden.search(each))
    if not files:
        raise TemplateError("there is no YAML file in it", where=where, mend="name the file or folder of templates")
    if len(files) > MOST_FILES:
        raise TemplateError(f"{len(files):,} YAML files, {MOST_FILES} are read", where=where, mend="name a folder")
    total = 0
    for file in files:
        size, most = sizes[file], kept.MAX_CHARACTERS if file.endswith(".json") else yaml_text.MAX_BYTES
        if size is None or size > most:
            what = "of unknown size" if size is None else f"{size:,} bytes"
            raise TemplateError(f"{what}, a template has at most {most:,} bytes", where=f"{where}, {file}")
        total += size
    if total > MOST_BYTES:
        raise TemplateError(f"{total:,} bytes in all, {MOST_BYTES:,} are read", where=where, mend="name a folder")
    return files


def _text(asked: HubName, commit: str, file: str) -> str:
    from huggingface_hub import hf_hub_download
    from huggingface_hub.utils.tqdm import disable_progress_bars

    disable_progress_bars()
    path = Path(hf_hub_download(asked.repository, file, revision=commit, repo_type=asked.kind))
    return yaml_text.read_file(str(path), kept.MAX_CHARACTERS if file.endswith(".json") else yaml_text.MAX_BYTES)


def _reason(error: Exception) -> tuple[str, str]:
    """What went wrong, and how to mend it."""
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, RevisionNotFoundError

    from gptjt_demo.models.hub import refusal, unconnected

    unreached: Any = HfHubHTTPError.__mro__[1]  # what any failure of the hub's HTTP library is, whichever that is

    if isinstance(error, RevisionNotFoundError):
        return "there is no such revision", "name a branch, a tag or a commit of it"
    if isinstance(error, HFValidationError):
        return "this is no hub id", f"write {FORM}"
    if found := refusal(error) or refusal(error.__cause__):
        return found
    if isinstance(error, OSError) and error.errno is not None and error.filename:
        return f"{error.filename} cannot be written ({error.strerror})", "set HF_HOME to a folder that can be"
    if not isinstance(error, (OSError, unreached)):
        return unconnected(error)
    return "the hub is out of reach", "check the connection, and HF_HUB_OFFLINE"
