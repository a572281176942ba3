"""Pages of results as QCSchema, and back."""

from typing import Any

import pytest
from ase import units
from qcelemental.models import QCEL_V1V2_SHIM_CODE, _v1v2, v1, v2

from relaxd.relax import from_qcschema
from relaxd.service.formats import _qcschema
from relaxd.service.formats._qcschema import received_version

from .doubles import (
    METAL,
    MOLECULES,
    VERDICT,
    failed,
    forces_of,
    moved,
    objects,
    refined_result,
    result_of,
)


def validated(schema: dict[str, Any], version: int) -> Any:
    """The object as a model of QCElemental, which checks all of it again."""
    models: Any = {1: v1, 2: v2}[version]
    if "symbols" in schema:
        return models.Molecule(**schema | {"validated": False}, geometry_noise=13)
    return (models.OptimizationResult if schema["success"] else models.FailedOperation)(**schema)


@pytest.mark.parametrize("version", [1, 2])
class TestQCSchema:
    @pytest.mark.parametrize("name", [*MOLECULES, "metal"])
    def test_relaxed_molecule(self, name: str, version: int) -> None:
        molecule = MOLECULES.get(name, METAL)
        (schema,) = objects(result_of(molecule, 5), schema_version=version)
        assert (schema["schema_name"], schema["schema_version"]) == (
            "qcschema_molecule",
            version + 1,
        )
        model = validated(schema, version)
        assert model.geometry * units.Bohr == pytest.approx(moved(molecule), abs=1e-8)
        assert (model.molecular_charge, model.molecular_multiplicity) == (
            molecule.charge,
            molecule.multiplicity,
        )
        assert schema["provenance"]["creator"] == "relaxd"
        again = from_qcschema(schema)
        assert again.positions == pytest.approx(moved(molecule), abs=1e-8)
        assert again.atomic_numbers.tolist() == molecule.atomic_numbers.tolist()
        assert (again.charge, again.multiplicity) == (molecule.charge, molecule.multiplicity)
        assert molecule.id is None or again.id == molecule.id

    def test_what_it_carries(self, version: int) -> None:
        cis, metal, ion = objects(
            result_of(MOLECULES["backslash"], 3),
            result_of(METAL),
            result_of(MOLECULES["ion"]),
            schema_version=version,
        )
        assert cis["name"] == "cis"
        assert cis["identifiers"] == {"smiles": "F/C=C\\F"}
        assert sorted(order for *_, order in cis["connectivity"]) == [1, 1, 1, 1, 2]
        assert (cis["fix_com"], cis["fix_orientation"]) == (True, True)
        said = cis["extras"]["relaxd"]
        assert said.keys() == {"index", "relaxation", "verdict", "usage"}
        assert (said["index"], said["verdict"]) == (3, VERDICT.model_dump())
        for schema in (metal, ion):
            assert "connectivity" not in schema

    @pytest.mark.parametrize("name", ["aspirin", "radical", "metal"])
    def test_refined_molecule(self, name: str, version: int) -> None:
        molecule = MOLECULES.get(name, METAL)
        (schema,) = objects(refined_result(molecule, 4), schema_version=version)
        model = validated(schema, version)
        assert schema["schema_version"] == version
        assert (schema["id"], schema["success"]) == (molecule.id, True)
        assert schema["provenance"]["creator"] == "relaxd"
        assert schema["extras"]["relaxd"]["dft"]["n_gradients"] == 7
        assert schema["extras"]["relaxd"]["index"] == 4
        final = from_qcschema(schema["final_molecule"])
        assert final.positions == pytest.approx(moved(molecule), abs=1e-8)
        assert (final.charge, final.multiplicity) == (molecule.charge, molecule.multiplicity)
        asked = schema if version == 1 else schema["input_data"]
        initial = from_qcschema(asked["initial_molecule"])
        assert initial.positions == pytest.approx(molecule.positions, abs=1e-8)
        if version == 1:
            assert model.energies == [-76.123456789012]
            specification = model.input_specification
            assert model.keywords == {"program": "pyscf"}
        else:
            assert model.properties.return_energy == pytest.approx(-76.123456789012, abs=1e-12)
            gradient = model.trajectory_properties[0].return_gradient
            in_ev = -gradient * units.Hartree / units.Bohr
            assert in_ev == pytest.approx(forces_of(molecule), abs=1e-10)
            specification = model.input_data.specification.specification
            assert specification.program == "pyscf"
        assert (specification.model.method, specification.model.basis) == ("r2scan-d4", "def2-svp")
        assert specification.keywords == {"solvent": "water"}

    def test_what_has_not_converged_is_no_success(self, version: int) -> None:
        molecule = MOLECULES["aspirin"]
        (schema,) = objects(refined_result(molecule, converged=False), schema_version=version)
        model = validated(schema, version)
        assert (model.success, model.id) == (False, "aspirin")
        assert model.error.error_type == "convergence_error"
        assert "7 gradients" in model.error.error_message
        reached = schema["extras"]["final_molecule"]
        assert from_qcschema(reached).positions == pytest.approx(moved(molecule), abs=1e-8)
        assert reached["schema_version"] == version + 1
        models: Any = {1: v1, 2: v2}[version]
        assert models.OptimizationInput(**schema["input_data"])

    @pytest.mark.parametrize(
        ("kind", "error_type"),
        [
            ("input:unparsable-smiles", "input_error"),
            ("limit:too-many-atoms", "resource_error"),
            ("resource:cancelled", "resource_error"),
            ("convergence:scf-not-converged", "convergence_error"),
            ("internal:fault", "unknown_error"),
        ],
    )
    def test_failures_keep_their_place(self, version: int, kind: str, error_type: str) -> None:
        water = result_of(MOLECULES["ion"], 1)
        page = objects(failed(0, kind), water, failed(2, kind), schema_version=version)
        assert [schema.get("success") for schema in page] == [False, None, False]
        model = validated(page[2], version)
        assert model.id == "broken"
        assert model.error.error_type == error_type
        assert model.error.error_message == "'CC(': not a SMILES"
        said = page[2]["extras"]["relaxd"]
        assert (said["index"], said["error"]["type"]) == (2, f"urn:relaxd:error:{kind}")


def test_version_is_the_one_asked_for_or_received_or_the_latest() -> None:
    results = [result_of(MOLECULES["ion"], index) for index in (10, 11, 12)]
    received = {10: 1, 11: 2}

    def versions(**options: Any) -> list[int]:
        return [schema["schema_version"] - 1 for schema in objects(*results, **options)]

    assert versions() == [2, 2, 2]
    assert versions(received=received) == [1, 2, 2]
    assert versions(received=received, schema_version=1) == [1, 1, 1]
    assert versions(received=received, schema_version=2) == [2, 2, 2]


@pytest.mark.parametrize(
    ("item", "version"),
    [
        ({"qcschema": {"schema_version": 2}}, 1),
        ({"qcschema": {"schema_version": 3}}, 2),
        ({"qcschema": {"schema_version": 1, "molecule": {"schema_version": 2}}}, 1),
        ({"qcschema": {"symbols": ["H"]}}, None),
        ({"qcschema": {"schema_version": 7}}, None),
        ({"qcschema": {"schema_version": ["O"]}}, None),
        ({"qcschema": {"molecule": 3}}, None),
        ({"qcschema": 3}, None),
        ({"smiles": "C"}, None),
        ("C", None),
        (None, None),
    ],
)
def test_received_version(item: Any, version: int | None) -> None:
    assert received_version(item) == version


def test_version_1_where_there_is_no_pydantic_1(monkeypatch: pytest.MonkeyPatch) -> None:
    results = [refined_result(MOLECULES["aspirin"]), result_of(MOLECULES["ion"]), failed()]
    expected = objects(*results, schema_version=1)
    # From Python 3.14 on; there, QCElemental imports its stand-in itself.
    monkeypatch.setattr("qcelemental.models._v1v2", _v1v2, raising=False)
    monkeypatch.setattr(_qcschema, "V1", QCEL_V1V2_SHIM_CODE)
    assert objects(*results, schema_version=1) == expected
