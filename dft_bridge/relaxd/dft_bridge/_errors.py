"""Why a calculation was refused or failed, in one exception sorted by what the caller can do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from ._result import RefineResult

Category = Literal["input", "limit", "resource", "convergence", "internal"]
"""Send something else; send less; install or wait; try another start; report a bug."""

CODES: dict[str, Category] = {
    "basis-lacks-element": "input",
    "disk-full": "resource",
    "frozen-out-of-range": "input",
    "journal-in-use": "input",
    "journal-mismatch": "input",
    "journal-unreadable": "input",
    "memory-limit": "resource",
    "missing-package": "resource",
    "missing-weights": "resource",
    "multiplicity-parity": "input",
    "no-frequencies": "input",
    "no-such-device": "resource",
    "non-finite-positions": "input",
    "overlapping-atoms": "input",
    "scf-not-converged": "convergence",
    "unknown-element": "input",
    "unknown-level": "input",
    "unknown-solvent": "input",
    "worker-crashed": "internal",
}
"""Every code a `DftError` can carry, with its category."""


class DftError(Exception):
    """One calculation cannot be done; others are not concerned.

    Attributes:
        code: stable name of the reason, a key of `CODES`.
        category: what the caller can do about it.
        reason: what is wrong, for a human.
        best: the best geometry that a refinement reached before, if it reached any; where its
            process died, or could not be started again, as its journal has it: not converged.
    """

    def __init__(self, code: str, reason: str) -> None:
        # Both reach `args`, from which pickle rebuilds the exception.
        super().__init__(code, reason)
        self.code = code
        self.category: Category = CODES[code]
        self.reason = reason
        self.best: RefineResult | None = None

    def __str__(self) -> str:
        return self.reason


class RefinementCancelled(Exception):  # noqa: N818 - it is asked for, not an error
    """The refinement was cancelled.

    Attributes:
        n_gradients: how many points it had computed; its journal holds them.
    """

    def __init__(self, n_gradients: int) -> None:
        super().__init__(n_gradients)
        self.n_gradients = n_gradients

    def __str__(self) -> str:
        return f"cancelled after {self.n_gradients} gradients"
