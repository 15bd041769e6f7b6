"""The other end of a `Contender`: a process that sets one thing up and then does what it is asked, until the pipe ends.

In: JSON lines on standard input, first the settings, then names of methods. Out: a JSON line each, {"value": …} or
{"error": one line}. Whatever libraries print on standard output goes to standard error, so that it cannot get between.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
from pathlib import Path
from typing import Any

from gptjt_demo.benchmark.contender import Failed
from gptjt_demo.errors import PlaygroundError

KINDS = {
    "ours": "gptjt_demo.benchmark.ours:Ours",
    "builder": "gptjt_demo.benchmark.builder:Builder",
    "bandwidth": "gptjt_demo.benchmark.bandwidth:Bandwidth",
    "transformers": "gptjt_demo.benchmark.peers:Transformers",
    "ctranslate2": "gptjt_demo.benchmark.peers:CTranslate2",
    "llama_cpp": "gptjt_demo.benchmark.llama_cpp:LlamaCpp",
    "starting": "gptjt_demo.benchmark.starting:Starting",
}


def peak_bytes() -> int:
    """The most memory that this process has had resident, bytes.

    From /proc where there is one: `ru_maxrss` starts with what the parent had when it forked.
    """
    try:
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def main(kind: str) -> None:
    """Serve until standard input ends."""
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    worker: Any = None
    for line in sys.stdin:
        message = json.loads(line)
        answer: dict[str, Any]
        try:
            if worker is None:
                module, _, name = KINDS[kind].partition(":")
                threads = message.pop("threads")
                worker = getattr(importlib.import_module(module), name)(threads=threads, **message)
                value = {**worker.facts, "peak_bytes": peak_bytes()}
            else:
                value = getattr(worker, message)()
        except ModuleNotFoundError as error:
            answer = {"error": f"not installed ({error.name})"}
        except (PlaygroundError, Failed) as error:
            answer = {"error": str(error)}
        except Exception as error:  # a peer may raise anything, and the run continues without it
            text = (str(error).strip() or "no message").splitlines()[0]
            answer = {"error": f"failed: {type(error).__name__}: {text[:160]}"}
        else:
            answer = {"value": value}
        print(json.dumps(answer), file=answers)


if __name__ == "__main__":
    main(sys.argv[1])
