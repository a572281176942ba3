"""Whatever a chemist holds in hand, as the JSON of a molecule."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from relaxd.client.schemas import Molecule, Result

if TYPE_CHECKING:
    import ase
    from rdkit import Chem

MoleculeLike: TypeAlias = "str | Molecule | Mapping[str, Any] | Result | ase.Atoms | Chem.Mol"
"""A SMILES, a wire molecule, its JSON, an earlier result, or an ASE or RDKit molecule."""

WireMolecule: TypeAlias = str | dict[str, Any]
"""A molecule as JSON; a plain string is a SMILES."""


def to_wire(molecules: Sequence[MoleculeLike]) -> list[WireMolecule]:
    """Return the JSON of each molecule, in order.

    A mapping is passed on unchecked, for the server answers each molecule on its own.

    Raises:
        TypeError: the argument is a single molecule, or holds something that is no molecule.
        RelaxdError: it holds a result without a geometry.
    """
    refuse_one_molecule(molecules)
    return [molecule_to_wire(molecule) for molecule in molecules]


def refuse_one_molecule(molecules: object) -> None:
    """Check that a caller who is to give several molecules did not give one as it is.

    Raises:
        TypeError: it is one.
    """
    if _is_one_molecule(molecules):
        kind = type(molecules).__name__
        raise TypeError(f"expected a sequence of molecules, got one {kind}: put it into a list")


def molecule_to_wire(molecule: Any) -> WireMolecule:
    """Return the JSON of one molecule; see `to_wire`."""
    if isinstance(molecule, str):
        return molecule
    if isinstance(molecule, Mapping):
        return dict(molecule)
    if isinstance(molecule, Result):
        return _dump(_from_result(molecule.raise_for_status()))
    if isinstance(molecule, Molecule):
        return _dump(molecule)
    if _is_ase(molecule):
        return _dump(_from_ase(molecule))
    if _is_rdkit(molecule):
        return _dump(_from_rdkit(molecule))
    raise TypeError(f"expected a molecule, got {type(molecule).__name__}")


def _is_one_molecule(value: object) -> bool:
    is_ours = isinstance(value, str | Mapping | Molecule | Result)
    return is_ours or _is_ase(value) or _is_rdkit(value)


def _is_ase(value: object) -> bool:
    return hasattr(value, "get_atomic_numbers")


def _is_rdkit(value: object) -> bool:
    return hasattr(value, "GetConformers")


def _dump(molecule: Molecule) -> dict[str, Any]:
    return molecule.model_dump(exclude_none=True)


def _from_result(result: Result) -> Molecule:
    state: dict[str, Any] = result.model_dump(include={"id", "charge", "multiplicity"})
    if result.sdf is not None:
        return Molecule(sdf=result.sdf, **state)
    return Molecule(atomic_numbers=result.atomic_numbers, positions=result.positions, **state)


def _from_ase(atoms: ase.Atoms) -> Molecule:
    frozen = [
        int(index)
        for constraint in atoms.constraints
        if type(constraint).__name__ == "FixAtoms"
        for index in constraint.index
    ]
    return Molecule(
        atomic_numbers=atoms.get_atomic_numbers().tolist(),
        positions=atoms.get_positions().tolist(),
        charge=atoms.info.get("charge"),
        multiplicity=atoms.info.get("multiplicity", atoms.info.get("spin")),
        id=atoms.info.get("id"),
        frozen=frozen or None,
    )


def _from_rdkit(mol: Chem.Mol) -> Molecule:
    from rdkit import Chem  # its caller has it; the light client does not

    name = mol.GetProp("_Name") if mol.HasProp("_Name") else ""
    if not any(conformer.Is3D() for conformer in mol.GetConformers()):
        return Molecule(smiles=Chem.MolToSmiles(mol), id=name or None)
    return Molecule(sdf=Chem.MolToMolBlock(mol), id=name or None)
