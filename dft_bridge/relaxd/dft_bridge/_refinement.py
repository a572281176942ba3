"""Refinements in processes of their own: start, watch, cancel, resume."""

import contextlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import IO, Any, Self, cast

import ase
import numpy as np

from ._blas import blas_environment
from ._errors import DftError, RefinementCancelled
from ._events import Event, ScfCycle, Step
from ._result import RefineResult, best_kept
from ._task import RefineSettings, Task

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
"""What tells the libraries how many threads to use; read when they are loaded."""

STDERR_TAIL = 2000
"""Characters of a crashed process's standard error that its error carries."""


class Refinement:
    """One molecule being relaxed by DFT in a process of its own.

        with Refinement(Task.of(atoms), journal=Path("aspirin.jsonl")) as refinement:
            for event in refinement.events():
                print(event)
            result = refinement.result()

    A refinement whose process was killed goes on from its journal when it is started again.

    Args:
        task: what to refine, and how.
        journal: where to keep every point; a temporary file if not given.

    Raises:
        DftError: the input cannot be computed, or the process cannot be started; see `code`.
    """

    def __init__(self, task: Task, journal: Path | None = None) -> None:
        task.check()
        self.n_gradients = 0
        """Points that are complete so far."""
        self._cancelled = False
        self._outcome: RefineResult | DftError | None = None
        self._scratch = tempfile.TemporaryDirectory(prefix="relaxd-dft-")
        scratch = Path(self._scratch.name)
        self._errors = scratch / "stderr"
        self._task, self._journal = task, journal or scratch / "journal.jsonl"
        try:
            self._process = _start(task, self._journal, scratch, self._errors)
        except OSError as error:
            self._scratch.cleanup()
            reason = f"the process cannot be started: {error}"
            raise self._with_best(DftError("worker-crashed", reason)) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def pid(self) -> int:
        """Of the process that computes."""
        return self._process.pid

    def events(self) -> Iterator[Event]:
        """Yields every SCF cycle and every step as it happens, until the end."""
        for line in cast(IO[str], self._process.stdout):
            # A process that is killed may leave half a line.
            with contextlib.suppress(json.JSONDecodeError):
                event = self._take(json.loads(line))
                if event is not None:
                    yield event
        self._process.wait()

    def result(self) -> RefineResult:
        """Waits for the end; passes over the events that nobody asked for.

        Raises:
            DftError: see `code`; `best` holds what geometry was reached before.
            RefinementCancelled: `cancel` came first.
        """
        for _ in self.events():
            pass
        if self._outcome is None:
            if self._cancelled:
                raise RefinementCancelled(self.n_gradients)
            self._outcome = self._crash()
        if isinstance(self._outcome, DftError):
            raise self._with_best(self._outcome)
        return self._outcome

    def cancel(self) -> None:
        """Stops at once, whatever is being computed; what the journal holds is kept.

        May be called from any thread, and again.
        """
        self._cancelled = True
        self._process.kill()

    def close(self) -> None:
        """Stops if need be, and removes temporary files."""
        self.cancel()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            cast(IO[str], pipe).close()
        self._scratch.cleanup()

    def _take(self, message: dict[str, Any]) -> Event | None:
        kind = message.pop("kind")
        if kind == "ScfCycle":
            return ScfCycle(**message)
        if kind == "Step":
            self.n_gradients = message["n_gradients"]
            return Step(**{**message, "positions": np.array(message["positions"])})
        if kind == "result":
            self._outcome = RefineResult.from_dict(message)
        else:
            self._outcome = DftError(message["code"], message["reason"])
            if message["best"] is not None:
                self._outcome.best = RefineResult.from_dict(message["best"])
        return None

    def _with_best(self, error: DftError) -> DftError:
        """Adds what the journal holds, where the process did not live to say it."""
        # Where the input was refused, the journal may be that of another refinement.
        if error.best is None and error.category != "input":
            error.best = best_kept(self._task, self._journal)
        return error

    def _crash(self) -> DftError:
        tail = self._errors.read_text(errors="replace")[-STDERR_TAIL:].strip()
        code = self._process.returncode
        return DftError("worker-crashed", f"the process ended with exit code {code}\n{tail}")


def _start(task: Task, journal: Path, scratch: Path, errors: Path) -> "subprocess.Popen[str]":
    threads = dict.fromkeys(THREADS, str(task.settings.threads))
    added = {**threads, **blas_environment(os.environ), "PYSCF_TMPDIR": str(scratch)}
    with errors.open("w") as stderr:
        process = subprocess.Popen(
            # -P: a file of the user's that is named like a library is not taken for it.
            [sys.executable, "-P", "-m", "relaxd.dft_bridge._worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
            env={**os.environ, **added},
            # Ctrl-C is for the parent, which then ends this one.
            start_new_session=True,
        )
    stdin = cast(IO[str], process.stdin)
    with contextlib.suppress(BrokenPipeError):
        stdin.write(json.dumps({"task": task.to_dict(), "journal": str(journal)}) + "\n")
        stdin.flush()
    return process


def refine(
    atoms: ase.Atoms,
    settings: RefineSettings | None = None,
    *,
    charge: int = 0,
    multiplicity: int = 1,
    frozen: Sequence[int] = (),
    start: str = "given",
    journal: Path | None = None,
    on_event: Callable[[Event], None] | None = None,
) -> RefineResult:
    """Relaxes a geometry by DFT, warm-started, in a process of its own, and waits for it.

    Interrupted by Ctrl-C or killed, it goes on where it was when it is called again with the same
    journal.

    Args:
        atoms: species and starting positions (Angstrom).
        settings: how to refine.
        charge: total charge, e.
        multiplicity: 2S + 1.
        frozen: indices of atoms that do not move.
        start: what made the starting geometry; "relaxd" if relaxd did, which is near its minimum,
            so that no coarse points come first.
        journal: where to keep every point; a temporary file if not given.
        on_event: is told of every SCF cycle and every step; what it raises ends the refinement.

    Raises:
        DftError: see `code`; `best` holds what geometry was reached before.
    """
    task = Task.of(
        atoms, settings, charge=charge, multiplicity=multiplicity, frozen=frozen, start=start
    )
    with Refinement(task, journal) as refinement:
        for event in refinement.events():
            if on_event is not None:
                on_event(event)
        return refinement.result()
