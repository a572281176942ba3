"""Boltzmann sampling: what is asked of it, and what comes of it."""

from pydantic import BaseModel, ConfigDict, Field

from relaxd.client.schemas._molecule import Position

MAX_SAMPLES = 20_000
"""Most geometries to draw of one molecule."""


class SampleOptions(BaseModel):
    """How conformations are drawn; only for jobs of the kind `sample`."""

    model_config = ConfigDict(extra="forbid")

    temperature: float = Field(default=298.15, ge=10, le=2000, description="Unit: K.")
    n_samples: int = Field(
        default=1000,
        ge=10,
        le=MAX_SAMPLES,
        description="Geometries to draw of each molecule. Of limits and quotas, each takes as much "
        "as a molecule.",
    )
    reweight: bool = Field(
        default=True,
        description="Whether to weigh the geometries by their GFN2-xTB energies; if not, all "
        "weights are equal.",
    )
    seed: int = Field(
        default=24302, ge=0, lt=2**31, description="Of all random numbers, for each molecule anew."
    )


class SampledConformer(BaseModel):
    """A minimum to which sampled geometries relax."""

    positions: list[Position] = Field(description="Relaxed, shape (n, 3). Unit: Angstrom.")
    population: float = Field(description="Sum of the weights of the geometries that relax to it.")


class TorsionHistogram(BaseModel):
    """How a torsion is distributed."""

    atoms: tuple[int, int, int, int] = Field(
        description="Zero-based indices i-j-k-l, turned about j-k."
    )
    shares: list[float] = Field(
        description="Weight of each part of a turn, all of the same size, from -180 degrees on."
    )


class Sample(BaseModel):
    """Conformations of a molecule at a temperature, as drawn for jobs of the kind `sample`."""

    temperature: float = Field(description="Unit: K.")
    n_samples: int = Field(description="How many geometries were drawn, k.")
    effective_samples: float = Field(
        description="As many equally likely geometries would tell as much: one by the sum of the "
        "squared weights, before the largest were cut down. Below some fifty, do not trust the "
        "weights; where the geometries were not weighed it counts them, and says nothing."
    )
    weighed_by: str | None = Field(
        description="Method of the energies by which the geometries are weighed; null where they "
        "are not.",
        examples=["gfn2-xtb"],
    )
    conformers: list[SampledConformer] = Field(
        description="The most populated first, whose geometry is that of the result."
    )
    torsions: list[TorsionHistogram] = Field(
        description="One for each bond about which the molecule may turn, by the weights."
    )
    positions: list[list[Position]] = Field(
        description="The geometries, shape (k, n, 3). Unit: Angstrom."
    )
    weights: list[float] = Field(description="Shape (k,), of sum one.")
    relative_energies_kcal_mol: list[float | None] | None = Field(
        description="Shape (k,), above the lowest; null for a geometry where the method finds "
        "none, and for all where they were not weighed. Unit: kcal/mol."
    )
    conformer_of: list[int] = Field(
        description="Shape (k,): to which of the conformers each geometry relaxes."
    )
    seconds: float = Field(description="Wall time. Unit: s.")
