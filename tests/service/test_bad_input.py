"""Molecules that are wrong, each with its own error type, over HTTP and with the real chemistry."""

import json
import shutil
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from relaxd.client.schemas import Molecule, RelaxResponse, Result
from relaxd.relax import CODES, MoleculeError
from relaxd.service import Settings, create_app
from relaxd.service._faults import problem_of

from .conftest import serve, until_ready
from .doubles import FakeRelaxer

pytestmark = pytest.mark.anyio
NAN, INFINITY = float("nan"), float("inf")

WATER: dict[str, Any] = {
    "atomic_numbers": [8, 1, 1],
    "positions": [[0, 0, 0.119], [0, 0.763, -0.477], [0, -0.763, -0.477]],
}
FLAT_SDF = """
     RDKit          2D

  2  1  0  0  0  0  0  0  0  0999 V2000
    0.0000    0.0000    0.0000 C   0  0  0  0  0  0  0  0  0  0  0  0
    1.2990    0.7500    0.0000 O   0  0  0  0  0  0  0  0  0  0  0  0
  1  2  2  0
M  END
"""
FERROCENE = "[Fe+2].c1cc[cH-]c1.c1cc[cH-]c1"


def chain(n_atoms: int) -> str:
    """An XYZ file of carbon atoms in a row."""
    return "\n".join([str(n_atoms), "", *(f"C {1.4 * i} 0 0" for i in range(n_atoms)), ""])


BAD: list[tuple[str, Any, str]] = [
    ("unparsable SMILES", "CC(", "input:unparsable-smiles"),
    ("empty SMILES", "", "input:invalid-molecule"),
    ("two SMILES in one", "C C", "input:unparsable-smiles"),
    ("unparsable XYZ", {"xyz": "hello"}, "input:unparsable-xyz"),
    ("unparsable SDF", {"sdf": "hello"}, "input:unparsable-sdf"),
    ("unparsable QCSchema", {"qcschema": {"symbols": "H"}}, "input:unparsable-qcschema"),
    ("two names in one", {"iupac": "methane\nethane"}, "input:unparsable-iupac"),
    ("no form", {"charge": 0}, "input:no-form"),
    ("two forms", {"smiles": "C", "xyz": "1\n\nC 0 0 0"}, "input:several-forms"),
    ("no element", "[*]C", "input:unknown-element"),
    ("unknown symbol", {"xyz": "1\n\nQq 0 0 0"}, "input:unknown-element"),
    ("number of no element", WATER | {"atomic_numbers": [8, 1, 199]}, "input:unknown-element"),
    ("impossible valence", "C(C)(C)(C)(C)C", "input:invalid-valence"),
    ("impossible aromaticity", "c1cccc1", "input:invalid-aromaticity"),
    ("wrong parity", WATER | {"multiplicity": 2}, "input:multiplicity-parity"),
    (
        "wrong parity for the charge",
        WATER | {"charge": 1, "multiplicity": 1},
        "input:multiplicity-parity",
    ),
    ("charge against the bonds", {"smiles": "C", "charge": 1}, "input:charge-mismatch"),
    ("multiplicity zero", WATER | {"multiplicity": 0}, "input:multiplicity-parity"),
    (
        "NaN",
        WATER | {"positions": [[0, 0, NAN], [0, 1, 0], [1, 0, 0]]},
        "input:non-finite-positions",
    ),
    (
        "infinity",
        WATER | {"positions": [[0, 0, INFINITY], [0, 1, 0], [1, 0, 0]]},
        "input:non-finite-positions",
    ),
    (
        "overlap",
        WATER | {"positions": [[0, 0, 0], [0, 0, 0.1], [1, 0, 0]]},
        "input:overlapping-atoms",
    ),
    ("all at one place", WATER | {"positions": [[0, 0, 0]] * 3}, "input:missing-coordinates"),
    ("no coordinates", WATER | {"positions": []}, "input:missing-coordinates"),
    ("absent coordinates", {"atomic_numbers": [8, 1, 1]}, "input:missing-coordinates"),
    ("flat drawing", {"sdf": FLAT_SDF}, "input:missing-coordinates"),
    ("lengths that differ", WATER | {"atomic_numbers": [8, 1]}, "input:length-mismatch"),
    (
        "positions of two numbers",
        WATER | {"positions": [[0, 0], [0, 1], [1, 0]]},
        "input:invalid-molecule",
    ),
    ("no atoms", {"atomic_numbers": [], "positions": []}, "input:empty-molecule"),
    ("frozen atom that is not there", WATER | {"frozen": [3]}, "input:frozen-out-of-range"),
    ("10,000 atoms as XYZ", {"xyz": chain(10_000)}, "limit:too-many-atoms"),
    ("10,000 atoms as SMILES", "C" * 10_000, "limit:too-many-atoms"),
    ("too many only with hydrogens", "C" * 400, "limit:too-many-atoms"),
    ("no geometry has these bonds", "C1#CC1", "input:embedding-failed"),
    ("fragments", "C.O", "input:multiple-fragments"),
    ("metal complex of fragments", FERROCENE, "input:multiple-fragments"),
    ("metal complex without a geometry", "Cl[Pt](Cl)(N)N", "input:metal-complex"),
]


@pytest.fixture
async def client(relaxer: FakeRelaxer) -> AsyncIterator[httpx.AsyncClient]:
    relaxer.in_domain = lambda molecule: molecule.charge == 0  # type: ignore[method-assign]
    app = create_app(Settings(workers=1), relaxer_factory=relaxer.load)
    async with serve(app) as client:
        await until_ready(client)
        yield client


async def relax(client: httpx.AsyncClient, *molecules: Any) -> list[Result]:
    # Not by `json=`, which refuses NaN: a server may be sent that all the same.
    content = json.dumps({"molecules": molecules})
    headers = {"Content-Type": "application/json"}
    response = await client.post("/v1/relax", content=content, headers=headers)
    assert response.status_code == 200
    return RelaxResponse.model_validate_json(response.content).results


async def test_each_has_its_own_type_and_the_others_are_answered(
    client: httpx.AsyncClient,
) -> None:
    molecules = [molecule for _, bad, _ in BAD for molecule in (bad, "O")]
    results = await relax(client, *molecules)
    assert {result.status for result in results[1::2]} == {"ok"}
    types = {
        name: result.error and result.error.type.removeprefix("urn:relaxd:error:")
        for (name, _, _), result in zip(BAD, results[::2], strict=True)
    }
    assert types == {name: expected for name, _, expected in BAD}
    assert all(result.error is not None and result.error.detail for result in results[::2])


@pytest.mark.parametrize("form", Molecule.model_json_schema()["examples"])
async def test_examples_of_the_documentation(
    client: httpx.AsyncClient, form: dict[str, Any]
) -> None:
    (result,) = await relax(client, form)
    if "iupac" in form and shutil.which("java") is None:
        assert result.error is not None
        assert result.error.type == "urn:relaxd:error:resource:no-iupac-converter"
    else:
        assert result.status == "ok"


async def test_outside_the_domain_the_fallback_is_named(client: httpx.AsyncClient) -> None:
    ion = {"atomic_numbers": [8, 1], "positions": [[0, 0, 0], [0, 0, 1.1]], "charge": -1}
    (result,) = await relax(client, ion | {"frozen": [0]})
    assert result.verdict is not None
    assert result.verdict.method == "gfn2-xtb"
    assert (result.charge, result.multiplicity) == (-1, 1)
    assert result.positions is not None
    assert result.positions[0] == (0.0, 0.0, 0.0)
    assert 0.9 < result.positions[1][2] < 1.05


async def test_geometry_is_used_as_given_and_bonds_come_back(client: httpx.AsyncClient) -> None:
    (result,) = await relax(client, WATER | {"id": "water"})
    assert result.start_positions == [tuple(row) for row in WATER["positions"]]
    assert result.smiles == "O"
    assert [bond.GetIdx() for bond in result.to_rdkit().GetBonds()] == [0, 1]


def test_every_type_of_the_chemistry_has_a_status() -> None:
    for code in CODES:
        problem = problem_of(MoleculeError(code, "reason")).problem
        assert problem.type == f"urn:relaxd:error:{CODES[code]}:{code}"
        assert 400 <= problem.status < 600


def test_title_is_the_type_in_words() -> None:
    assert problem_of(MoleculeError("unparsable-smiles", "")).problem.title == "Unparsable SMILES"
