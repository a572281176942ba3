"""The tables of `relaxd relax` and `relaxd refine`, made of what a server answers."""

from rich.console import Console

from relaxd.client.schemas import JobKind, JobResult
from relaxd.service.cli._refine_table import RefineReport, refined_row
from relaxd.service.cli._report import Report, failed_row, hill_formula, relaxed_row


class RelaxTable:
    """Prints the results of a job that relaxes.

    Args:
        console: where to print.
    """

    kind: JobKind = "relax"
    doing = "relaxing"

    def __init__(self, console: Console) -> None:
        self._report = Report(console)

    def print(self, id: str, result: JobResult) -> bool:
        """Print a result that is ok, and return whether it is as it should be."""
        relaxation, verdict = result.relaxation, result.verdict
        if relaxation is None or verdict is None:
            raise ValueError(f"{id}: the server did not say how it was relaxed")
        formula = hill_formula(result.atomic_numbers or ())
        self._report.print(
            [relaxed_row(id, formula, relaxation.converged, relaxation.rmsd_from_start, verdict)]
        )
        return True

    def print_failure(self, id: str, code: str) -> None:
        """Print the row of a molecule without a result, with the reason's name."""
        self._report.print([failed_row(id, code)])


class RefineTable:
    """Prints the results of a job that refines.

    Args:
        console: where to print.
        frequencies: whether there is a column for them.
    """

    kind: JobKind = "refine"
    doing = "refining"

    def __init__(self, console: Console, *, frequencies: bool) -> None:
        self._report = RefineReport(console, frequencies=frequencies)

    def print(self, id: str, result: JobResult) -> bool:
        """Print a result that is ok, and return whether it has converged."""
        dft = result.dft
        if dft is None:
            raise ValueError(f"{id}: the server did not say how DFT went")
        row = refined_row(
            id,
            hill_formula(result.atomic_numbers or ()),
            dft,
            bonds_kept=dft.same_connectivity,
            lowest_wavenumber=min(dft.wavenumbers) if dft.wavenumbers else None,
        )
        self._report.print(row)
        return dft.converged

    def print_failure(self, id: str, code: str) -> None:
        """Print the row of a molecule without a result, with the reason's name."""
        self._report.print_failure(id, code)
