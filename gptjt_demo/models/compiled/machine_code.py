"""The compiled step as machine code: made once for a processor and a version, kept in a file, and called through it.

In: nothing. Out: the function. To load it takes llvmlite alone. Numba, whose import and first call take most of a
second, is there only where the code is made.
"""

from __future__ import annotations

import ctypes
import functools
import hashlib
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from gptjt_demo.models.compiled import cache
from gptjt_demo.models.compiled.processor import target, way

_FILE = "step"
_DIGEST = hashlib.sha256().digest_size  # bytes before the code: one that is damaged would end the process
_NAME = "gptjt_step"
_ARGUMENTS = 22  # of `step.work`


def kept() -> Path | None:
    """The file; None where none can be kept."""
    folder = cache.directory()
    return None if folder is None else folder / _FILE


def make() -> bytes:
    """Compile the step; an object file."""
    import numba

    if way().cpu:  # else it is this processor; Numba wants to know before it sees the first function
        numba.config.CPU_NAME, numba.config.CPU_FEATURES = target()
    from gptjt_demo.models.compiled.step import work

    signature = (numba.int64,) * _ARGUMENTS
    work.compile(signature)
    return _object(work.inspect_llvm()[signature], work.overloads[signature].fndesc.llvm_func_name)


def keep(code: bytes) -> None:
    """Write the file, all of it or nothing, where that is possible."""
    path = kept()
    if path is None:
        return
    try:
        with tempfile.TemporaryDirectory(dir=path.parent) as folder:
            new = Path(folder) / _FILE
            new.write_bytes(hashlib.sha256(code).digest() + code)
            os.replace(new, path)
    except OSError:  # a full disk: it is made again next time
        return


def _read() -> bytes | None:
    """What the file holds; None where there is none, or it is damaged."""
    path = kept()
    try:
        found = b"" if path is None else path.read_bytes()
    except OSError:
        return None
    code = found[_DIGEST:]
    return code if found and hashlib.sha256(code).digest() == found[:_DIGEST] else None


def _object(text: str, name: str) -> bytes:
    """One function of a module, with what it calls and nothing that needs Python, as an object file."""
    import llvmlite.binding as llvm

    machine = _machine()
    module = llvm.parse_assembly(text)
    for each in (*module.functions, *module.global_variables):
        if each.name == name:
            each.name = _NAME
        elif not each.is_declaration:
            each.linkage = "internal"
    passes = llvm.create_new_module_pass_manager()
    # What is known to come without an owner, as all arrays here do, need not be counted by Numba's runtime.
    passes.add_ipsccp_pass()
    passes.add_dead_arg_elimination_pass()
    passes.add_simplify_cfg_pass()
    passes.add_aggressive_instcombine_pass()
    passes.add_dead_code_elimination_pass()
    passes.add_global_dead_code_eliminate_pass()
    passes.add_strip_dead_prototype_pass()
    passes.run(module, llvm.create_pass_builder(machine, llvm.create_pipeline_tuning_options(speed_level=3)))
    found: bytes = machine.emit_object(module)
    return found


def _machine() -> Any:
    """What LLVM makes code for."""
    import llvmlite.binding as llvm

    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    cpu, features = target()
    kind = llvm.Target.from_triple(llvm.get_process_triple())
    reloc = "static" if kind.name.startswith("x86") else "default"  # as Numba has it
    return kind.create_target_machine(cpu=cpu, features=features, opt=3, reloc=reloc, codemodel="jitdefault", jit=True)


@functools.cache
def step_function() -> Callable[..., int]:
    """`step.work`; other threads run while it does. Compiled first where it is not kept."""
    import llvmlite.binding as llvm

    code = _read()
    if code is None:
        keep(code := make())
    engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), _machine())
    engine.add_object_file(llvm.ObjectFileRef.from_data(code))
    engine.finalize_object()
    kind = ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.c_void_p, ctypes.c_void_p, *[ctypes.c_int64] * _ARGUMENTS)
    function = kind(engine.get_function_address(_NAME))
    # Numba's own convention: a place for the result and one for an error come first. Here there is neither.
    places = (ctypes.c_int64 * 2)()
    found = functools.partial(function, ctypes.addressof(places), ctypes.addressof(places) + 8)
    found.held = engine, places  # type: ignore[attr-defined]  # the code lives as long as what calls it
    return found
