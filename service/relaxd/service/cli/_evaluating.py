"""The work of `relaxd evaluate`."""

import hashlib
import json
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

import typer

from relaxd.relax import (
    EnergyCache,
    Minimum,
    MinimumCache,
    Molecule,
    Relaxer,
    evaluate_basins,
    evaluate_energies,
    evaluate_geometries,
    evaluate_starts,
    read_cases,
)

PACKAGES = ("relaxd", "torch", "rdkit", "tblite", "pyscf")
"""Those whose versions the figures may depend on."""


class Energies:
    """DFT energies and minima at one level, kept in a file.

    Args:
        level: functional and basis.
        cache: the file; `energies.jsonl` in `folder` if not given.
        folder: where that is, and the journals of relaxations.

    Raises:
        typer.BadParameter: the DFT extra is not installed, or cannot compute the level.
    """

    def __init__(self, level: str, cache: Path | None, folder: Path) -> None:
        try:
            # Only those who want DFT energies need PySCF.
            from relaxd.dft_bridge import DftError, Level, RefineSettings, SinglePoints, refine

            parsed = Level.parse(level)
        except ModuleNotFoundError as error:
            raise typer.BadParameter(
                f"--energies needs the package {error.name!r}: pip install 'relaxd[dft]'"
            ) from error
        except DftError as error:
            raise typer.BadParameter(str(error)) from error

        single_point = SinglePoints(parsed)

        def energy(molecule: Molecule) -> float:
            atoms, charge, spin = molecule.to_atoms(), molecule.charge, molecule.multiplicity
            try:
                return single_point(atoms, charge=charge, multiplicity=spin)
            except DftError as error:
                raise _stopped(molecule, error) from error

        def relax(molecule: Molecule) -> Minimum:
            atoms, charge, spin = molecule.to_atoms(), molecule.charge, molecule.multiplicity
            digest = hashlib.sha256(molecule.positions.tobytes()).hexdigest()[:12]
            journal = folder / "journals" / f"{molecule.id}-{digest}.jsonl"
            journal.parent.mkdir(parents=True, exist_ok=True)
            try:
                found = refine(
                    atoms,
                    RefineSettings(parsed),
                    charge=charge,
                    multiplicity=spin,
                    start="relaxd",
                    journal=journal,
                )
            except DftError as error:
                raise _stopped(molecule, error) from error
            if not found.converged:
                raise _stopped(molecule, f"no convergence in {found.n_gradients} gradients")
            return Minimum(found.positions, self.energies(molecule) - found.energy)

        path = cache or folder / "energies.jsonl"
        self.energies = EnergyCache(path, str(parsed), energy)
        self.minima = MinimumCache(path, str(parsed), relax)


def _stopped(molecule: Molecule, reason: object) -> typer.Exit:
    typer.echo(f"relaxd evaluate: {molecule.id}: {reason}; what is finished is kept", err=True)
    return typer.Exit(1)


def evaluate_model(
    relaxer: Relaxer,
    pairs: Path,
    n_molecules: int,
    n_energies: int,
    energies: Energies | None,
    starts: bool = False,
    basins: bool = False,
) -> dict[str, Any]:
    """Compare a model with the cheap methods on the validation set.

    Args:
        relaxer: the model.
        pairs: file with the validation set.
        n_molecules: how many molecules to compare geometries of.
        n_energies: how many of them to compare energies of.
        energies: where to take these from.
        starts: whether to begin at other geometries, too.
        basins: whether to relax by DFT what is far above its minimum.

    Returns:
        The figures, with what made them.

    Raises:
        typer.BadParameter: the file holds no validation molecule.
    """
    cases = read_cases(pairs, n_molecules)
    if not cases:
        raise typer.BadParameter(f"{pairs} holds no molecule of the validation set")
    figures, geometries = evaluate_geometries(relaxer, cases)
    figures = {"model": relaxer.model.name, "sha256": relaxer.model.sha256, **figures}
    if energies is not None:
        some = cases[:n_energies]
        figures["energies"] = evaluate_energies(some, geometries, energies.energies)
        if basins:
            errors = figures["energies"]["each"]["relaxd"]
            found = evaluate_basins(some, geometries["relaxd"], errors, energies.minima)
            figures["energies"]["basins"] = found
    if starts:
        figures["starts"] = evaluate_starts(relaxer, cases)
    return figures | {"versions": {name: version(name) for name in PACKAGES}}


def write_json(path: Path, figures: Mapping[str, Any]) -> None:
    """Write the figures to a file, in a folder that is made where it is not there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


def version(package: str) -> str | None:
    """Return the version of a package, None where it is not installed."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None
