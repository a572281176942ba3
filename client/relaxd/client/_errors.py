"""The errors of the SDK, one per thing that a caller can do about them.

RelaxdError
├── InputError        the molecule or the request is wrong: correct it
├── LimitError        too much or too often: send less, or send it later
├── ResourceError     the server lacks memory, time or a worker for it: try again later
├── ConvergenceError  the calculation ran and did not converge
├── InternalError     a fault of the server: report it
└── TransportError    no usable answer arrived: check the address and the network
"""

from __future__ import annotations

import typing

if typing.TYPE_CHECKING:
    from relaxd.client.schemas import Problem

TYPE_PREFIX = "urn:relaxd:error:"
"""What every error type begins with; category and code follow, as in `input:empty-list`."""


class RelaxdError(Exception):
    """Root of all errors that the SDK raises.

    Attributes:
        problem: the RFC 9457 document that the server sent, None where it sent none.
        retry_after: seconds after which the server asked to be tried again, None where it did not.
    """

    def __init__(
        self,
        message: str,
        *,
        problem: Problem | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.problem = problem
        self.retry_after = retry_after

    @property
    def type(self) -> str | None:
        """The stable type, such as `urn:relaxd:error:input:unparsable-smiles`."""
        return None if self.problem is None else self.problem.type

    @property
    def status(self) -> int | None:
        """The HTTP status of the answer or, for one molecule of a batch, the one it stands for."""
        return None if self.problem is None else self.problem.status


class InputError(RelaxdError):
    """The molecule or the request is wrong; sending it again cannot help."""


class LimitError(RelaxdError):
    """The request is larger than the server allows, or the server is busy."""


class ResourceError(RelaxdError):
    """The server ran out of memory, time or workers for this piece of work."""


class ConvergenceError(RelaxdError):
    """The calculation ran to its end without converging."""


class InternalError(RelaxdError):
    """The server failed in a way that it did not foresee."""


class TransportError(RelaxdError):
    """The server was not reached, or what answered was not relaxd."""


BY_CATEGORY: dict[str, type[RelaxdError]] = {
    "input": InputError,
    "limit": LimitError,
    "resource": ResourceError,
    "convergence": ConvergenceError,
    "internal": InternalError,
}
"""The category in a problem's type string, and the error that stands for it."""


def error_from_problem(problem: Problem, *, retry_after: float | None = None) -> RelaxdError:
    """Return the error that a problem document stands for.

    A document whose type is not relaxd's, as a proxy sends it, is sorted by its status.
    """
    category = problem.type.removeprefix(TYPE_PREFIX).split(":")[0]
    kind = BY_CATEGORY.get(category) or _by_status(problem.status)
    message = f"{problem.detail or problem.title} [{problem.type}]"
    return kind(message, problem=problem, retry_after=retry_after)


def _by_status(status: int) -> type[RelaxdError]:
    if status in (413, 429):
        return LimitError
    if status in (502, 503, 504):
        return ResourceError
    return InputError if 400 <= status < 500 else InternalError
