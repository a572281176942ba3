"""Pages of results as SDF, extended XYZ and QCSchema, and back."""

import json
from io import StringIO
from typing import Any

import numpy as np
import pytest
from ase import units
from ase.calculators.singlepoint import SinglePointCalculator
from ase.io import read
from hypothesis import given, settings
from hypothesis import strategies as st
from qcelemental.models import QCEL_V1V2_SHIM_CODE, _v1v2, v1, v2
from rdkit import Chem

from relaxd.client.schemas import Dft, JobResult, Problem, Relaxation, Usage, Verdict
from relaxd.dft_bridge import RefineResult
from relaxd.relax import Molecule, from_arrays, from_qcschema, from_sdf, from_smiles
from relaxd.service._refined import Refined
from relaxd.service.formats import _qcschema
from relaxd.service.formats._formats import MEDIA_TYPES, write_results
from relaxd.service.formats._qcschema import received_version

MOLECULES = {
    "aspirin": from_smiles("CC(=O)Oc1ccccc1C(=O)O", id="aspirin"),
    "zwitterion": from_smiles("[NH3+][C@@H](C)C(=O)[O-]", id="alanine"),
    "ammonium": from_smiles("[NH4+]"),
    "radical": from_smiles("[CH3]", id="methyl radical"),
    "triplet": from_smiles("[O][O]", id="oxygen"),
    "ion": from_smiles("[Na+]", id="sodium"),
    "backslash": from_smiles("F/C=C\\F", id="cis"),
}
METAL = from_arrays([26, 17], [[0, 0, 0], [0, 0, 2.2]], multiplicity=6, id="no bonds")
WAVENUMBERS = [-312.456, 1500.25]

VERDICT = Verdict(
    connectivity_kept=True,
    stereo_kept=None,
    in_domain=True,
    expected_error_kcal_mol=0.25,
    method="diffusion",
)


def moved(molecule: Molecule) -> np.ndarray:
    return molecule.positions + np.linspace(0.01, 0.02, 3)


def forces_of(molecule: Molecule) -> np.ndarray:
    return np.linspace(-0.5, 0.7, 3 * len(molecule)).reshape(-1, 3)


def result_of(molecule: Molecule, index: int = 0, **fields: Any) -> JobResult:
    """A relaxed molecule, with the SDF that the service makes of it."""
    positions = moved(molecule)
    record = molecule.with_positions(positions).to_sdf({"method": "diffusion", "converged": True})
    given = {
        "index": index,
        "id": molecule.id,
        "status": "ok",
        "smiles": molecule.smiles,
        "atomic_numbers": molecule.atomic_numbers.tolist(),
        "positions": positions.tolist(),
        "start_positions": molecule.positions.tolist(),
        "charge": molecule.charge,
        "multiplicity": molecule.multiplicity,
        "sdf": record,
        "relaxation": Relaxation(
            converged=True, n_evaluations=3, rmsd_from_start=0.02, seconds=0.01
        ),
        "verdict": VERDICT,
        "usage": Usage(cpu_seconds=1, gpu_seconds=0, energy_wh=1, co2e_g=None, estimated=True),
    }
    return JobResult(**given | fields)


def refined_of(molecule: Molecule, converged: bool = True) -> Refined:
    forces = forces_of(molecule)
    result = RefineResult(
        atomic_numbers=molecule.atomic_numbers,
        positions=moved(molecule),
        energy=-76.123456789012 * units.Hartree,
        forces=forces,
        charge=molecule.charge,
        multiplicity=molecule.multiplicity,
        level="r2scan-d4/def2-svp in water",
        converged=converged,
        coarse=False,
        max_force=float(np.linalg.norm(forces, axis=1).max()),
        n_gradients=7,
        scf_cycles=70,
        seconds=3.5,
        cpu_seconds=7.0,
        start="relaxd",
        hessian="gfn2-xtb",
        backend="pyscf",
        same_connectivity=True,
        wavenumbers=np.array(WAVENUMBERS),
    )
    return Refined(molecule, result)


def dft_of(refined: Refined) -> Dft:
    told = {name: getattr(refined.result, name) for name in Dft.model_fields}
    return Dft(**told | {"forces": refined.result.forces.tolist(), "wavenumbers": WAVENUMBERS})


def refined_result(molecule: Molecule, index: int = 0, converged: bool = True) -> JobResult:
    refined = refined_of(molecule, converged)
    return result_of(molecule, index, sdf=refined.to_sdf(), dft=dft_of(refined))


def failed(index: int = 0, kind: str = "input:unparsable-smiles") -> JobResult:
    problem = Problem(
        type=f"urn:relaxd:error:{kind}", title="It failed", status=422, detail="'CC(': not a SMILES"
    )
    return JobResult(index=index, id="broken", status="error", error=problem)


def records(text: str) -> list[Chem.Mol]:
    supplier = Chem.SDMolSupplier()
    supplier.SetData(text, removeHs=False)
    return list(supplier)


def frames(text: str) -> list[Any]:
    return list(read(StringIO(text), index=":", format="extxyz"))


def objects(*results: JobResult, **options: Any) -> list[dict[str, Any]]:
    written = write_results(results, "qcschema", **options)
    assert (written.media_type, written.left_out) == ("application/json", 0)
    found: list[dict[str, Any]] = json.loads(written.text)
    return found


def validated(schema: dict[str, Any], version: int) -> Any:
    """The object as a model of QCElemental, which checks all of it again."""
    models: Any = {1: v1, 2: v2}[version]
    if "symbols" in schema:
        return models.Molecule(**schema | {"validated": False}, geometry_noise=13)
    return (models.OptimizationResult if schema["success"] else models.FailedOperation)(**schema)


@pytest.mark.parametrize("format", MEDIA_TYPES)
def test_empty_page(format: Any) -> None:
    text, media_type, left_out = write_results([], format)
    assert text == ("[]" if format == "qcschema" else "")
    assert (media_type, left_out) == (MEDIA_TYPES[format], 0)


@pytest.mark.parametrize("format", ["sdf", "extxyz"])
def test_order_is_kept_and_failures_are_left_out(format: Any) -> None:
    molecules = list(MOLECULES.values())
    results = [result_of(molecule, index) for index, molecule in enumerate(molecules)]
    written = write_results([failed(7), *results, failed(8)], format)
    assert written.left_out == 0
    if format == "sdf":
        indices = [int(mol.GetProp("index")) for mol in records(written.text)]
    else:
        indices = [int(atoms.info["index"]) for atoms in frames(written.text)]
    assert indices == list(range(len(molecules)))


class TestSdf:
    @pytest.mark.parametrize("name", MOLECULES)
    def test_round_trip(self, name: str) -> None:
        molecule = MOLECULES[name]
        text = write_results([result_of(molecule, 5)], "sdf").text
        (mol,) = records(text)
        assert mol.GetConformer().GetPositions() == pytest.approx(moved(molecule), abs=1e-4)
        assert Chem.GetFormalCharge(mol) == molecule.charge == int(mol.GetProp("charge"))
        assert mol.GetProp("_Name") == (molecule.id or "5")
        again = from_sdf(text)
        assert again.atomic_numbers.tolist() == molecule.atomic_numbers.tolist()
        assert (again.charge, again.multiplicity) == (molecule.charge, molecule.multiplicity)
        assert Chem.CanonSmiles(again.smiles) == Chem.CanonSmiles(molecule.smiles)

    def test_items_of_a_relaxed_molecule(self) -> None:
        (mol,) = records(write_results([result_of(MOLECULES["aspirin"], 2)], "sdf").text)
        assert mol.GetPropsAsDict(autoConvertStrings=False) == {
            "charge": "0",
            "multiplicity": "1",
            "index": "2",
            "method": "diffusion",
            "converged": "True",
            "connectivity_kept": "True",
            "in_domain": "True",
            "expected_error_kcal_mol": "0.25",
        }

    def test_items_of_a_refined_molecule_are_those_of_the_cli(self) -> None:
        molecule = MOLECULES["aspirin"]
        (ours,) = records(write_results([refined_result(molecule, 3)], "sdf").text)
        (its,) = records(str(refined_of(molecule).to_sdf()))
        ours, its = (mol.GetPropsAsDict(autoConvertStrings=False) for mol in (ours, its))
        assert ours.items() >= its.items()
        assert ours["energy_hartree"] == "-76.12345679"
        assert ours["lowest_wavenumber"] == "-312.46"
        assert ours.keys() - its.keys() == {
            "index",
            "method",
            "connectivity_kept",
            "in_domain",
            "expected_error_kcal_mol",
            "relaxation_converged",
            "scf_cycles",
            "seconds",
            "backend",
            "is_minimum",
        }

    def test_items_do_not_depend_on_those_the_record_has(self) -> None:
        full = refined_result(MOLECULES["aspirin"])
        bare = full.model_copy(update={"sdf": str(full.sdf).partition(">")[0]})
        (its,), (ours,) = (records(write_results([r], "sdf").text) for r in (full, bare))
        its, ours = (mol.GetPropsAsDict(autoConvertStrings=False) for mol in (its, ours))
        assert its.items() - ours.items() == {
            (name, its[name]) for name in ("relaxd_version", "pyscf_version")
        }

    def test_without_bonds(self) -> None:
        results = [result_of(METAL, 0), result_of(MOLECULES["ion"], 1), failed(2)]
        written = write_results(results, "sdf")
        assert written.left_out == 1
        assert [mol.GetProp("_Name") for mol in records(written.text)] == ["sodium"]

    @pytest.mark.parametrize(
        ("id", "title"),
        [
            (None, "4"),
            ("", "4"),
            (" \n", "4"),
            ("a\n$$$$\n\nb", "a $$$$  b"),
            ("a\r\nM  END", "a M  END"),
            ("\n\n  0  0  0  0  0  0  0  0  0  0999 V2000\nM  END\n$$$$", None),
            (">  <index>  \n9\n\n", ">  <index>   9"),
            ("\u00e9\u4e2d", "\u00e9\u4e2d"),
        ],
    )
    def test_no_id_breaks_a_file(self, id: str | None, title: str | None) -> None:
        first = from_smiles("O", id=id)
        results = [refined_result(first, 4), result_of(MOLECULES["aspirin"], 5)]
        water, aspirin = records(write_results(results, "sdf").text)
        assert title is None or water.GetProp("_Name") == title
        assert (water.GetNumAtoms(), aspirin.GetNumAtoms()) == (3, 21)
        assert (water.GetProp("index"), aspirin.GetProp("index")) == ("4", "5")
        assert len(objects(*results)[0]["final_molecule"]["connectivity"]) == 2


class TestExtxyz:
    @pytest.mark.parametrize("name", [*MOLECULES, "metal"])
    def test_round_trip(self, name: str) -> None:
        molecule = MOLECULES.get(name, METAL)
        (atoms,) = frames(write_results([result_of(molecule, 5)], "extxyz").text)
        assert atoms.numbers.tolist() == molecule.atomic_numbers.tolist()
        assert atoms.positions == pytest.approx(moved(molecule), abs=1e-8)
        assert atoms.info == {
            key: value
            for key, value in {
                "id": molecule.id,
                "smiles": molecule.smiles,
                "charge": molecule.charge,
                "multiplicity": molecule.multiplicity,
                "index": 5,
                "method": "diffusion",
                "converged": True,
                "connectivity_kept": True,
                "in_domain": True,
                "expected_error_kcal_mol": 0.25,
            }.items()
            if value is not None
        }
        assert atoms.calc is None

    def test_energy_and_forces(self) -> None:
        molecule = MOLECULES["aspirin"]
        (atoms,) = frames(write_results([refined_result(molecule)], "extxyz").text)
        assert isinstance(atoms.calc, SinglePointCalculator)
        energy = -76.123456789012 * units.Hartree
        assert atoms.get_potential_energy() == pytest.approx(energy, abs=1e-9)
        assert atoms.get_forces() == pytest.approx(forces_of(molecule), abs=1e-8)

    def test_info_of_a_refined_molecule_is_that_of_the_cli(self) -> None:
        molecule = MOLECULES["zwitterion"]
        (atoms,) = frames(write_results([refined_result(molecule, 3)], "extxyz").text)
        its = refined_of(molecule).to_atoms()
        # How a process went, not what came of it; and the versions that the worker had.
        unknown = {"coarse", "cpu_seconds", "relaxd_version", "pyscf_version"}
        assert its.info.keys() - atoms.info.keys() == unknown
        for key in its.info.keys() & atoms.info.keys():
            assert np.array_equal(atoms.info[key], its.info[key]), key

    def test_unconverged(self) -> None:
        result = refined_result(MOLECULES["aspirin"], converged=False)
        (atoms,) = frames(write_results([result], "extxyz").text)
        assert (atoms.info["converged"], atoms.info["relaxation_converged"]) == (False, True)

    @pytest.mark.parametrize(
        "id",
        ["a\nb", 'say "so"', "back\\slash\\", "end=", "=", "{[", "_JSON {", "\u4e2d", "a=b c=d"],
    )
    def test_no_id_breaks_a_file(self, id: str) -> None:
        results = [result_of(from_smiles("O", id=id), 0), result_of(MOLECULES["backslash"], 1)]
        water, cis = frames(write_results(results, "extxyz").text)
        assert water.info["id"] == " ".join(id.split())
        assert (water.info["index"], cis.info["smiles"]) == (0, "F/C=C\\F")

    @settings(deadline=None, max_examples=200)
    @given(st.text(max_size=20))
    def test_no_text_breaks_a_file(self, id: str) -> None:
        result = result_of(MOLECULES["ion"]).model_copy(update={"id": id})
        first, second = frames(write_results([result, result], "extxyz").text)
        assert len(first) == len(second) == 1
        assert (first.info["index"], first.info["smiles"]) == (0, "[Na+]")


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
