"""The process that computes one refinement: `python -m relaxd.dft_bridge._worker`.

Standard input brings one line, the task; as long as it stays open, the parent lives. Standard
output takes one JSON line per event and, at the end, the result or the error. The parent ends this
process whenever it likes: all that counts is in the journal.
"""

import json
import os
import sys
import threading
import time
import traceback
from pathlib import Path
from typing import Any, TextIO

import numpy as np
import psutil

from ._errors import DftError
from ._events import Event
from ._relaxation import Relaxation
from ._task import Task

MEMORY_SECONDS = 0.02
"""How often to look at the memory, s."""

MEGABYTE = 1 << 20


class Messages:
    """Writes JSON lines, whole ones, from any thread."""

    def __init__(self, file: TextIO) -> None:
        self._file, self._lock = file, threading.Lock()

    def send(self, kind: str, **content: Any) -> None:
        """Writes one message."""
        line = json.dumps({"kind": kind, **content}, default=np.ndarray.tolist)
        with self._lock:
            self._file.write(line + "\n")
            self._file.flush()

    def event(self, event: Event) -> None:
        """Writes an event, by the name of its class."""
        self.send(type(event).__name__, **vars(event))

    def error(self, error: DftError) -> None:
        """Writes why there is no result."""
        best = None if error.best is None else error.best.to_dict()
        self.send("error", code=error.code, reason=error.reason, best=best)


def main() -> None:
    """Does the task on standard input."""
    # What a library prints must not get between the messages.
    messages = Messages(os.fdopen(os.dup(1), "w"))
    os.dup2(2, 1)
    found = json.loads(sys.stdin.readline())
    task = Task.from_dict(found["task"])
    _watch(_end_with_parent)
    _watch(_end_beyond, task.settings.memory_mb, messages)
    try:
        result = Relaxation(task, Path(found["journal"]), messages.event).run()
    except DftError as error:
        messages.error(error)
    except MemoryError:
        messages.error(_out_of_memory(task.settings.memory_mb))
    except Exception:
        traceback.print_exc()
        sys.exit(1)
    else:
        messages.send("result", **result.to_dict())


def _watch(function: Any, *args: Any) -> None:
    threading.Thread(target=function, args=args, daemon=True).start()


def _end_with_parent() -> None:
    sys.stdin.read()
    os._exit(1)


def _end_beyond(memory_mb: int, messages: Messages) -> None:
    process = psutil.Process()
    while process.memory_info().rss < memory_mb * MEGABYTE:
        time.sleep(MEMORY_SECONDS)
    messages.error(_out_of_memory(memory_mb))
    os._exit(1)


def _out_of_memory(memory_mb: int) -> DftError:
    return DftError("memory-limit", f"it needs more than the {memory_mb} MB it may hold")


if __name__ == "__main__":
    main()
