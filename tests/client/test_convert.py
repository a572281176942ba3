"""Results as ASE and RDKit objects and as SDF files."""

from pathlib import Path

import numpy as np
import pytest
from rdkit import Chem

from relaxd.client import RelaxdError, Result, write_sdf
from relaxd.client._optional import require
from relaxd.client.schemas import Conformer, Relaxation, Verdict


def test_ase(water: Result) -> None:
    atoms = water.to_ase()
    assert atoms.get_chemical_formula() == "H2O"
    np.testing.assert_array_equal(atoms.positions, water.positions)
    assert atoms.info == {"charge": 0, "multiplicity": 1, "id": "water"}


@pytest.mark.parametrize(("bonded", "n_bonds"), [(True, 2), (False, 0)])
def test_rdkit(water: Result, bonded: bool, n_bonds: int) -> None:
    mol = (water if bonded else water.model_copy(update={"sdf": None})).to_rdkit()
    assert [atom.GetAtomicNum() for atom in mol.GetAtoms()] == [8, 1, 1]
    assert mol.GetNumBonds() == n_bonds
    np.testing.assert_allclose(mol.GetConformer().GetPositions(), water.positions)


def test_failed_result_does_not_convert() -> None:
    failed = Result.model_validate({"status": "error", "error": {"title": "No", "status": 422}})
    with pytest.raises(RelaxdError, match="No"):
        failed.to_ase()
    with pytest.raises(RelaxdError, match="No"):
        failed.to_rdkit()


def test_sdf_holds_every_geometry(tmp_path: Path, water: Result) -> None:
    bare = water.model_copy(update={"sdf": None})
    failed = Result(status="error")
    path = tmp_path / "out.sdf"
    assert write_sdf(path, [water, failed, bare, water]) == 3
    names = [mol.GetProp("_Name") for mol in Chem.SDMolSupplier(str(path), removeHs=False)]
    assert names == ["water"] * 3


def test_sdf_holds_every_conformer(tmp_path: Path, water: Result) -> None:
    conformer = Conformer(
        positions=water.positions,
        relative_energy_kcal_mol=0.0,
        population=0.5,
        ranked_by="gfn2-xtb",
        sdf=water.sdf,
        relaxation=Relaxation(converged=True, n_evaluations=8, rmsd_from_start=0.1, seconds=0.01),
        verdict=Verdict(
            connectivity_kept=True,
            stereo_kept=True,
            in_domain=True,
            expected_error_kcal_mol=0.1,
            method="diffusion",
        ),
    )
    several = water.model_copy(update={"conformers": [conformer, conformer]})
    assert write_sdf(tmp_path / "out.sdf", [several, water]) == 3
    assert len(Chem.SDMolSupplier(str(tmp_path / "out.sdf"), removeHs=False)) == 3


def test_absent_package_is_named() -> None:
    with pytest.raises(ModuleNotFoundError, match="pip install not_there"):
        require("not_there.part")
