"""Where compiled code is kept: a folder that this user alone can write; in it one for a processor and a version."""

from __future__ import annotations

import functools
import hashlib
import os
import stat
import tempfile
from importlib.metadata import version
from pathlib import Path

from gptjt_demo.models.compiled.processor import way
from gptjt_demo.settings import environment


def folder() -> Path | None:
    """`GPTJT_CACHE`, else the user's cache, else one in the temporary folder; None where none can be written."""
    home = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    name = "gptjt-demo"
    own = f"{name}-{os.getuid()}" if hasattr(os, "getuid") else name
    asked = environment.CACHE.read()
    for path in ([Path(asked)] if asked else []) + [Path(home) / name, Path(tempfile.gettempdir()) / own]:
        try:
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=path):
                pass
            # Compiled code is run as it is read: nobody else may have put it there.
            if hasattr(os, "getuid") and (path.stat().st_uid != os.getuid() or path.stat().st_mode & stat.S_IWOTH):
                continue
        except OSError:
            continue
        return path
    return None


@functools.cache
def directory() -> Path | None:
    """The folder for what is compiled of this version, for this processor; None where none can be written."""
    found = folder()
    if found is None:
        return None
    sources = b"".join(path.read_bytes() for path in sorted(Path(__file__).parent.glob("*.py")))
    key = hashlib.sha256(sources + repr((way(), version("numba"), version("llvmlite"))).encode()).hexdigest()[:16]
    try:
        (found / key).mkdir(mode=0o700, exist_ok=True)
    except OSError:
        return None
    return found / key
