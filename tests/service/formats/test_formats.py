"""Pages of results as SDF and extended XYZ, and back."""

from io import StringIO
from typing import Any

import numpy as np
import pytest
from ase import units
from ase.calculators.singlepoint import SinglePointCalculator
from ase.io import read
from hypothesis import given, settings
from hypothesis import strategies as st
from rdkit import Chem

from relaxd.relax import from_sdf, from_smiles
from relaxd.service.formats._formats import MEDIA_TYPES, write_results

from .doubles import (
    METAL,
    MOLECULES,
    failed,
    forces_of,
    moved,
    objects,
    refined_of,
    refined_result,
    result_of,
)


def records(text: str) -> list[Chem.Mol]:
    supplier = Chem.SDMolSupplier()
    supplier.SetData(text, removeHs=False)
    return list(supplier)


def frames(text: str) -> list[Any]:
    return list(read(StringIO(text), index=":", format="extxyz"))


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
