"""Every kind of molecule that a caller may hold becomes the right JSON."""

import math
from typing import Any

import ase
import ase.constraints
import httpx
import numpy as np
import pytest
from rdkit import Chem
from rdkit.Chem import AllChem

from relaxd.client import Client, Molecule, RelaxdError, Result
from relaxd.client._inputs import to_wire

from .conftest import WATER_SDF, FakeServer


def test_forms() -> None:
    molecules = ["CCO", Molecule(smiles="C", id="a"), {"xyz": "1\n\nHe 0 0 0"}]
    assert to_wire(molecules) == ["CCO", {"smiles": "C", "id": "a"}, {"xyz": "1\n\nHe 0 0 0"}]


def test_result_goes_back_with_its_bonds(water: Result) -> None:
    state = {"id": "water", "charge": 0, "multiplicity": 1}
    (bonded,) = to_wire([water])
    assert bonded == {"sdf": WATER_SDF, **state}
    (bare,) = to_wire([water.model_copy(update={"sdf": None})])
    assert bare == {"atomic_numbers": [8, 1, 1], "positions": water.positions, **state}


def test_result_without_geometry_is_refused() -> None:
    failed = Result.model_validate({"status": "error", "error": {"title": "No", "status": 422}})
    with pytest.raises(RelaxdError, match="No"):
        to_wire([failed])


def test_ase_keeps_charge_spin_and_constraints() -> None:
    atoms = ase.Atoms(
        "OH",
        positions=[[0, 0, 0], [0, 0, 0.97]],
        info={"charge": -1, "spin": 1},
        constraint=ase.constraints.FixAtoms([0]),
    )
    assert to_wire([atoms]) == [
        {
            "atomic_numbers": [8, 1],
            "positions": [(0.0, 0.0, 0.0), (0.0, 0.0, 0.97)],
            "charge": -1,
            "multiplicity": 1,
            "frozen": [0],
        }
    ]
    with pytest.raises(TypeError, match="put it into a list"):
        to_wire(atoms)  # type: ignore[arg-type]


def test_rdkit_in_3d_is_sent_as_it_stands() -> None:
    mol = Chem.AddHs(Chem.MolFromSmiles("C[NH3+]"))
    assert to_wire([mol]) == [{"smiles": Chem.MolToSmiles(mol)}]
    AllChem.EmbedMolecule(mol, randomSeed=1)
    (wire,) = to_wire([mol])
    assert isinstance(wire, dict)
    back = Chem.MolFromMolBlock(wire["sdf"], removeHs=False)
    np.testing.assert_allclose(
        back.GetConformer().GetPositions(), mol.GetConformer().GetPositions(), atol=1e-4
    )
    assert Chem.GetFormalCharge(back) == 1


@pytest.mark.parametrize("thing", [1, None, object()])
def test_anything_else_is_refused(thing: Any) -> None:
    with pytest.raises(TypeError, match="expected a molecule"):
        to_wire([thing])


def test_arrays_and_nan_reach_the_server(server: FakeServer) -> None:
    molecule = {"atomic_numbers": np.array([2]), "positions": np.array([[0.0, math.nan, 0.0]])}
    with Client(transport=httpx.MockTransport(server)) as client:
        client.relax([molecule])
    (sent,) = server.bodies[0]["molecules"]
    assert sent["atomic_numbers"] == [2]
    assert math.isnan(sent["positions"][0][1])
