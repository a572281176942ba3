"""What was sampled, as ASE and RDKit objects; what is asked of a sampling."""

import httpx
import numpy as np
import pytest
from pydantic import ValidationError

from relaxd.client import Client, RelaxdError
from relaxd.client.schemas import (
    JobOptions,
    Problem,
    Result,
    Sample,
    SampledConformer,
    SampleOptions,
    TorsionHistogram,
)
from relaxd.relax import from_smiles

from .doubles import FakeJob

ETHANOL = from_smiles("CCO", id="ethanol")


def sampled(energies: list[float | None] | None) -> Result:
    """Three geometries of ethanol."""
    geometries = [(ETHANOL.positions + shift).tolist() for shift in (0.0, 0.1, 0.2)]
    sample = Sample(
        temperature=300,
        n_samples=3,
        effective_samples=2.63,
        weighed_by=energies and "gfn2-xtb",
        conformers=[SampledConformer(positions=geometries[0], population=1.0)],
        torsions=[TorsionHistogram(atoms=(0, 1, 2, 8), shares=[1 / 36] * 36)],
        positions=geometries,
        weights=[0.5, 0.3, 0.2],
        relative_energies_kcal_mol=energies,
        conformer_of=[0, 0, 0],
        seconds=1.0,
    )
    return Result(
        id="ethanol",
        status="ok",
        atomic_numbers=ETHANOL.atomic_numbers.tolist(),
        positions=geometries[0],
        charge=0,
        multiplicity=1,
        sdf=ETHANOL.to_sdf(),
        sample=sample,
    )


def test_ase() -> None:
    frames = sampled([0.0, 0.5, None]).samples_to_ase()
    assert [atoms.info.pop("weight") for atoms in frames] == [0.5, 0.3, 0.2]
    common = {"id": "ethanol", "charge": 0, "multiplicity": 1, "temperature": 300, "conformer": 0}
    assert frames[1].info == common | {"relative_energy_kcal_mol": 0.5}
    assert frames[2].info == common
    assert np.allclose(frames[2].positions, ETHANOL.positions + 0.2)
    assert "relative_energy_kcal_mol" not in sampled(None).samples_to_ase()[0].info


def test_rdkit() -> None:
    molecule = sampled([0.0, 0.5, None]).samples_to_rdkit()
    assert (molecule.GetNumBonds(), molecule.GetProp("_Name")) == (8, "ethanol")
    conformers = list(molecule.GetConformers())
    assert [conformer.GetDoubleProp("weight") for conformer in conformers] == [0.5, 0.3, 0.2]
    assert conformers[1].GetDoubleProp("relative_energy_kcal_mol") == 0.5
    assert not conformers[2].HasProp("relative_energy_kcal_mol")
    assert conformers[2].GetIntProp("conformer") == 0
    assert np.allclose(conformers[2].GetPositions(), ETHANOL.positions + 0.2)


def test_nothing_was_sampled() -> None:
    relaxed = sampled(None).model_copy(update={"sample": None})
    problem = Problem(type="urn:relaxd:error:input:no-bonds", title="No bonds", status=422)
    failed = Result(status="error", error=problem)
    for convert in (Result.samples_to_ase, Result.samples_to_rdkit):
        with pytest.raises(ValueError, match="no conformations"):
            convert(relaxed)
        with pytest.raises(RelaxdError, match="No bonds"):
            convert(failed)


@pytest.mark.parametrize(
    "options",
    [
        {"temperature": 9},
        {"temperature": 2001},
        {"temperature": float("nan")},
        {"n_samples": 9},
        {"n_samples": 20_001},
        {"seed": -1},
        {"seed": 2**31},
        {"pressure": 1},
    ],
)
def test_bounds(options: dict[str, float]) -> None:
    with pytest.raises(ValidationError):
        SampleOptions.model_validate(options)


def test_options_go_with_their_kind() -> None:
    with pytest.raises(ValueError, match="sample goes with the kind sample, not with relax"):
        JobOptions(sample=SampleOptions())
    with pytest.raises(ValueError, match="conformers goes with the kind relax, not with sample"):
        JobOptions(kind="sample", conformers=5)


def test_what_is_sent(tmp_path) -> None:
    server = FakeJob(1)
    asked = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append((request.read(), dict(request.url.params)))
        return httpx.Response(202, content=server.info.model_dump_json())

    path = tmp_path / "a.smi"
    path.write_text("CCO\n")
    with Client("http://relaxd", transport=httpx.MockTransport(answer)) as client:
        client.sample(["CCO"], temperature=500, n_samples=20, reweight=False, seed=3, name="hot")
        client.sample(path, temperature=500)
    options = JobOptions.model_validate_json(asked[0][0].splitlines()[0])
    expected = SampleOptions(temperature=500, n_samples=20, reweight=False, seed=3)
    assert (options.kind, options.sample, options.name) == ("sample", expected, "hot")
    query = asked[1][1]
    assert (query["kind"], float(query["temperature"]), query["reweight"]) == (
        "sample",
        500.0,
        "true",
    )
