"""What relaxes the molecules that are not the model's."""

import time
from collections.abc import Callable

from ._baselines import gfn2_xtb
from ._errors import MoleculeError
from ._molecule import Molecule
from ._result import RelaxResult, make_result


def relax_fallback(molecule: Molecule, in_domain: bool = False) -> RelaxResult:
    """Relaxes a molecule that the model cannot relax with GFN2-xTB.

    Args:
        molecule: any molecule of the elements up to radon.
        in_domain: whether it is of the model's domain all the same.

    Raises:
        MoleculeError: GFN2-xTB does not know an element, or its SCF does not converge.
    """
    clock = time.perf_counter()
    relaxed = gfn2_xtb(molecule)
    return make_result(
        molecule,
        relaxed.trajectory,
        method=relaxed.method,
        in_domain=in_domain,
        converged=relaxed.converged,
        n_evaluations=relaxed.n_steps + 1,
        seconds=time.perf_counter() - clock,
    )


def relax_doubtful(
    result: RelaxResult, fallback: Callable[[Molecule, bool], RelaxResult] = relax_fallback
) -> RelaxResult:
    """Relaxes by other means what the model did not do well, from the same start.

    Args:
        result: of the model, and doubtful; returned as it is where the fallback does not converge
            either.
        fallback: called as `relax_fallback`.
    """
    try:
        relaxed = fallback(result.molecule, result.verdict.in_domain)
    except MoleculeError:
        return result
    return relaxed if relaxed.converged else result
