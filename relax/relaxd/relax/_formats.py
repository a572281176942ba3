"""Molecules from text formats and RDKit molecules that hold a geometry, used as given."""

import re
from collections.abc import Sequence
from io import StringIO

from ase.io import read
from rdkit import Chem, rdBase

from ._arrays import from_arrays, from_atoms, whole
from ._bonded import check_graph, from_bonded, has_transition_metal, sanitize
from ._errors import MoleculeError, naming
from ._molecule import Molecule
from ._smiles import embed
from ._stereo import mark_stereo

MANY_COLUMNS = re.compile(r":\s*\+?[\d_]{6,}")
"""In the `Properties` of an XYZ comment: ASE would make so many columns."""


def from_xyz(
    text: str,
    *,
    charge: int | None = None,
    multiplicity: int | None = None,
    frozen: Sequence[int] | None = None,
    id: str | None = None,
) -> Molecule:
    """A molecule from one frame of XYZ or extended XYZ, in Angstrom.

    Args:
        text: the frame. `charge=` and `multiplicity=` (or `spin=`) in its comment are honoured.
        charge: total charge; goes before the comment.
        multiplicity: spin multiplicity; goes before the comment.
        frozen: atoms that must not move.
        id: name of the molecule; by default `id=` or `name=` of the comment.

    Raises:
        MoleculeError: unparsable-xyz, multiple-records, unknown-element, or what `from_atoms`
            raises.
    """
    with naming(id):
        _check_one(_count_frames(text), "XYZ frames")
        try:
            frames = read(StringIO(text), index=":", format="extxyz")
        except KeyError as error:
            raise MoleculeError("unknown-element", f"{error} is no element symbol") from error
        except Exception as error:  # ASE lets whatever a malformed header causes escape.
            raise MoleculeError("unparsable-xyz", f"not an XYZ frame: {error}") from error
        if not frames:
            raise MoleculeError("unparsable-xyz", "the text holds no XYZ frame")
        return from_atoms(frames[0], charge=charge, multiplicity=multiplicity, frozen=frozen, id=id)


def from_sdf(
    text: str,
    *,
    charge: int | None = None,
    multiplicity: int | None = None,
    frozen: Sequence[int] = (),
    id: str | None = None,
) -> Molecule:
    """A molecule from one SDF record or MOL block with all hydrogens, in Angstrom.

    Args:
        text: the record. A data item `multiplicity` is honoured.
        charge: must agree with the formal charges where given.
        multiplicity: by default from the radical centres, parallel spins assumed.
        frozen: atoms that must not move.
        id: name of the molecule; by default the record's title.

    Raises:
        MoleculeError: unparsable-sdf, multiple-records, missing-coordinates, missing-hydrogens,
            invalid-valence, or what `from_rdkit` raises.
    """
    with naming(id):
        mol = _parse_sdf(text)
        if id is None:
            id = mol.GetProp("_Name").strip() or None
    with naming(id):
        if _is_depiction(mol, text):
            raise MoleculeError("missing-coordinates", "the record is a flat drawing, not 3D")
        if multiplicity is None and mol.HasProp("multiplicity"):
            multiplicity = whole(mol.GetProp("multiplicity"), "multiplicity", "multiplicity-parity")
        return _from_geometry(mol, charge=charge, multiplicity=multiplicity, frozen=frozen, id=id)


def from_rdkit(
    mol: Chem.Mol,
    *,
    charge: int | None = None,
    multiplicity: int | None = None,
    frozen: Sequence[int] = (),
    id: str | None = None,
) -> Molecule:
    """A molecule from RDKit's: its first conformer as given, or an embedded one if it has none.

    Args:
        mol: needs all hydrogens if it has a 3D conformer; otherwise they are added.
        charge: must agree with the formal charges where given.
        multiplicity: by default from the radical centres, parallel spins assumed.
        frozen: atoms that must not move.
        id: name of the molecule; by default its property `_Name`.

    Raises:
        MoleculeError: missing-hydrogens, invalid-valence, multiple-fragments, embedding-failed, or
            what `Molecule` refuses.
    """
    if id is None and mol.HasProp("_Name"):
        id = mol.GetProp("_Name") or None
    with naming(id):
        mol = Chem.Mol(mol)
        if mol.GetNumConformers() and mol.GetConformer().Is3D():
            return _from_geometry(
                mol, charge=charge, multiplicity=multiplicity, frozen=frozen, id=id
            )
        check_graph(mol)
        sanitize(mol)
        return from_bonded(
            embed(mol), charge=charge, multiplicity=multiplicity, frozen=frozen, id=id
        )


def _from_geometry(
    mol: Chem.Mol,
    *,
    charge: int | None,
    multiplicity: int | None,
    frozen: Sequence[int],
    id: str | None,
) -> Molecule:
    check_graph(mol)
    if has_transition_metal(mol):
        # Formats disagree on how to draw coordination: keep the geometry and its charge only.
        return from_arrays(
            [atom.GetAtomicNum() for atom in mol.GetAtoms()],
            mol.GetConformer().GetPositions(),
            charge=Chem.GetFormalCharge(mol) if charge is None else charge,
            multiplicity=multiplicity,
            frozen=frozen,
            id=id,
        )
    for name in mol.GetPropNames():
        # What the data items say of the old geometry must not be taken for the relaxed one's.
        mol.ClearProp(name)
    sanitize(mol)
    mark_stereo(mol)
    return from_bonded(mol, charge=charge, multiplicity=multiplicity, frozen=frozen, id=id)


def _count_frames(text: str) -> int:
    """Count XYZ frames, up to the first that ASE refuses itself.

    ASE counts up to whatever number of atoms or columns a frame promises, be it for hours.

    Raises:
        MoleculeError: unparsable-xyz; a frame promises more than there is.
    """
    lines = text.split("\n")
    frames = start = 0
    while start < len(lines) and lines[start].strip():
        try:
            n_atoms = max(0, int(lines[start]))
        except ValueError:
            break
        comment = lines[start + 1] if start + 1 < len(lines) else ""
        many_columns = "Properties" in comment and MANY_COLUMNS.search(comment)
        if n_atoms > len(lines) or many_columns:
            promised = "columns" if many_columns else "atoms"
            raise MoleculeError("unparsable-xyz", f"the frame has not the {promised} it promises")
        frames += 1
        start += n_atoms + 2
        while start < len(lines) and lines[start].lstrip().startswith("VEC"):
            start += 1
    return frames


def _parse_sdf(text: str) -> Chem.Mol:
    supplier = Chem.SDMolSupplier()
    with rdBase.BlockLogs():
        supplier.SetData(text, sanitize=False, removeHs=False)
        _check_one(len(supplier), "SDF records")
        try:
            mol = supplier[0]
        except (IndexError, RuntimeError):
            mol = None
    if mol is None:
        raise MoleculeError("unparsable-sdf", "not an SDF record")
    return mol


def _is_depiction(mol: Chem.Mol, text: str) -> bool:
    """Whether the record calls itself 2D and has no depth."""
    if mol.GetNumConformers() == 0 or mol.GetConformer().Is3D():
        return False
    return text.splitlines()[1][20:22] == "2D"


def _check_one(count: int, of: str) -> None:
    if count > 1:
        raise MoleculeError("multiple-records", f"{count} {of} where one molecule is expected")
