"""What failed for one molecule, as the problem document that its result carries."""

import logging
import signal

import torch

from relaxd.dft_bridge import DftError
from relaxd.relax import MoleculeError
from relaxd.service._problems import ProblemError
from relaxd.service._workers import WorkerCrashError, WorkerTimeoutError

logger = logging.getLogger(__name__)


def is_out_of_memory(error: Exception) -> bool:
    """Tell whether memory ran out, on the GPU or, as torch says it there, on the CPU."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    return isinstance(error, RuntimeError) and "DefaultCPUAllocator" in str(error)


def problem_of(error: Exception) -> ProblemError:
    """Return the problem that an exception stands for; what was not foreseen is logged."""
    if isinstance(error, ProblemError):
        return error
    if isinstance(error, MoleculeError):
        return ProblemError(error.category, error.code, f"{error}.")
    if isinstance(error, DftError):
        return ProblemError(error.category, error.code, error.reason)
    if isinstance(error, WorkerTimeoutError):
        return ProblemError("resource", "time-limit", "This molecule took too long.")
    if isinstance(error, WorkerCrashError):
        return _crash(error)
    if is_out_of_memory(error):
        return ProblemError("resource", "out-of-memory", "Memory ran out for this molecule alone.")
    logger.error("a molecule failed", exc_info=error)
    return ProblemError("internal", "fault", "The server failed on this molecule; it is logged.")


def _crash(error: WorkerCrashError) -> ProblemError:
    if error.exitcode == -signal.SIGKILL:  # what the kernel does when memory runs out
        detail = "The process that worked on this molecule was killed, perhaps for its memory."
        return ProblemError("resource", "worker-killed", detail)
    logger.error("a worker process died: exit code %s", error.exitcode)
    return ProblemError(
        "internal", "worker-died", "The process that worked on this molecule crashed."
    )
