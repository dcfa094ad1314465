"""The working memory of ONNX Runtime: one arena for all sessions of a process, which is given back when asked.

An arena for each session, as is usual, holds the largest batch that the session ever saw, for good. Without an arena a
graph whose rows take megabytes spends more time on fresh pages than on numbers.
"""

import contextlib
import ctypes
import sys
import threading
from functools import cache

import numpy as np
import onnxruntime

_SHRINK = ("memory.enable_memory_arena_shrinkage", "cpu:0")
# y = x for one number: an arena shrinks at the end of a run, whichever it is.
_SMALLEST_GRAPH = (
    b'\x08\x08\x12\x00:7\n\x10\n\x01x\x12\x01y"\x08Identity\x12\x01gZ\x0f\n\x01x\x12\n\n\x08\x08\x01\x12\x04\n\x02\x08'
    b"\x01b\x0f\n\x01y\x12\n\n\x08\x08\x01\x12\x04\n\x02\x08\x01B\x04\n\x00\x10\x11"
)
_once = threading.Lock()


def share_arena(options: onnxruntime.SessionOptions) -> None:
    """Lets a session work in the arena of the process; its weights stay outside, so that parts of it become free."""
    with _once:
        _register()
    options.add_session_config_entry("session.use_env_allocators", "1")
    options.add_session_config_entry("session.use_device_allocator_for_initializers", "1")


def give_back() -> None:
    """Gives the system what nobody uses now, of the arena and of the heap; beside running graphs, too."""
    run = onnxruntime.RunOptions()
    run.add_run_config_entry(*_SHRINK)
    _smallest().run(None, {"x": np.zeros(1, np.float32)}, run)
    if sys.platform == "linux":
        with contextlib.suppress(
            OSError, AttributeError
        ):  # another C library keeps no free memory, or has no such call
            ctypes.CDLL(None).malloc_trim(0)


@cache
def _register() -> None:
    memory = onnxruntime.OrtMemoryInfo(
        "Cpu", onnxruntime.OrtAllocatorType.ORT_ARENA_ALLOCATOR, 0, onnxruntime.OrtMemType.DEFAULT
    )
    onnxruntime.create_and_register_allocator(memory, None)


@cache
def _smallest() -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    share_arena(options)
    return onnxruntime.InferenceSession(_SMALLEST_GRAPH, options, providers=["CPUExecutionProvider"])
