"""Molecules and requests, as a caller writes them."""

from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, SkipValidation, model_validator
from pydantic_core import PydanticCustomError

MAX_MOLECULES = 256
"""Largest number of molecules in one `POST /v1/relax`."""

MAX_CONFORMERS = 1000
"""Largest number of conformers that are embedded of one molecule."""

MOLECULE_FORMS = ("smiles", "iupac", "xyz", "sdf", "qcschema", "atomic_numbers")
"""The fields of which a molecule carries exactly one; `positions` goes with the last."""

Position = tuple[float, float, float]
"""x, y and z of one atom. Unit: Angstrom."""

Conformers = Annotated[
    int,
    Field(
        ge=1,
        le=MAX_CONFORMERS,
        description="Geometries of each molecule to embed and relax, its own included; the lowest "
        "conformer found is the result.",
    ),
]
"""How many conformers to look among; 1 relaxes the geometry as it is."""

Keep = Annotated[
    int,
    Field(
        ge=1,
        le=MAX_CONFORMERS,
        description="Lowest conformers to answer with, where more than one is looked for.",
    ),
]
"""How many conformers to keep."""

Text = Annotated[str, Field(min_length=1)]
"""What is read in a format of chemistry."""

EXAMPLES: dict[str, dict[str, Any]] = {
    "smiles": {"smiles": "CC(=O)OCC(N)C=O", "id": "ester-1"},
    "iupac": {"iupac": "2-acetyloxybenzoic acid"},
    "xyz": {"xyz": "3\nwater\nO 0.000 0.000 0.119\nH 0.000 0.763 -0.477\nH 0.000 -0.763 -0.477\n"},
    "sdf": {
        "sdf": "water\n\n\n  3  2  0  0  0  0  0  0  0  0999 V2000\n"
        "    0.0000    0.0000    0.1190 O   0  0\n"
        "    0.0000    0.7630   -0.4770 H   0  0\n"
        "    0.0000   -0.7630   -0.4770 H   0  0\n"
        "  1  2  1  0\n  1  3  1  0\nM  END\n"
    },
    "qcschema": {
        "qcschema": {
            "schema_name": "qcschema_molecule",
            "schema_version": 2,
            "symbols": ["H", "F"],
            "geometry": [0.0, 0.0, 0.0, 0.0, 0.0, 1.733],
        }
    },
    "arrays": {
        "atomic_numbers": [8, 1],
        "positions": [[0.0, 0.0, 0.0], [0.0, 0.0, 0.97]],
        "charge": -1,
        "multiplicity": 1,
        "frozen": [0],
    },
}
"""One molecule in each form."""


class Molecule(BaseModel):
    """A molecule in exactly one form; three-dimensional input is used as given.

    Only the form is checked here. Whether it is chemistry is for the server to say, molecule by
    molecule.
    """

    model_config = ConfigDict(
        extra="forbid",
        ser_json_inf_nan="constants",
        json_schema_extra={"examples": list(EXAMPLES.values())},
    )

    smiles: Text | None = Field(default=None, description="SMILES; embedded and pre-relaxed.")
    iupac: Text | None = Field(
        default=None, description="IUPAC name, where the server has a converter."
    )
    xyz: Text | None = Field(
        default=None, description="Text of an XYZ file with one molecule. Unit: Angstrom."
    )
    sdf: Text | None = Field(
        default=None,
        description="A three-dimensional mol block or SDF record, V2000 or V3000. Unit: Angstrom.",
    )
    qcschema: dict[str, Any] | None = Field(
        default=None, description="QCSchema molecule, version 1 or 2. Unit: Bohr, as it defines."
    )
    atomic_numbers: list[int] | None = Field(
        default=None, description="Atomic numbers, shape (n,); goes with `positions`."
    )
    positions: list[Position] | None = Field(
        default=None, description="Positions, shape (n, 3); goes with `atomic_numbers`. Angstrom."
    )
    charge: int | None = Field(
        default=None, description="Total charge in e; taken from the form where it is not given."
    )
    multiplicity: int | None = Field(
        default=None, description="Spin multiplicity 2S + 1; the lowest that fits if not given."
    )
    id: str | None = Field(default=None, max_length=256, description="Echoed in the result.")
    frozen: list[int] | None = Field(
        default=None, description="Zero-based indices, shape (m,), of atoms that must not move."
    )

    @model_validator(mode="after")
    def _has_exactly_one_form(self) -> Self:
        given = [form for form in MOLECULE_FORMS if getattr(self, form) is not None]
        if len(given) > 1 or (self.positions is not None and given not in ([], ["atomic_numbers"])):
            raise PydanticCustomError(
                "several-forms",
                "A molecule is given in exactly one form, this one in several: {given}.",
                {"given": ", ".join(given + ["positions"] * (len(given) == 1))},
            )
        if not given and self.positions is None:
            raise PydanticCustomError(
                "no-form",
                "A molecule needs one of: {forms} with positions.",
                {"forms": ", ".join(MOLECULE_FORMS)},
            )
        if (self.atomic_numbers is None) != (self.positions is None):
            raise PydanticCustomError(
                "missing-coordinates", "atomic_numbers and positions are given together."
            )
        return self


class RelaxRequest(BaseModel):
    """The body of `POST /v1/relax`.

    The entries of `molecules` are validated one by one by the server, so that a bad one becomes
    an error in its own result and the others are answered.
    """

    model_config = ConfigDict(extra="forbid")

    molecules: list[SkipValidation[Molecule | str]] = Field(
        min_length=1,
        description="The molecules; a plain string is a SMILES. The results keep their order.",
        json_schema_extra={"maxItems": MAX_MOLECULES},
        examples=[["CC(=O)OCC(N)C=O", {"smiles": "c1ccncc1O", "id": "pyridinol"}]],
    )
    model: str | None = Field(
        default=None, description="Name of the model; the server's default if not given."
    )
    trajectory: bool = Field(
        default=False, description="Whether to answer with the positions after each step, too."
    )
    conformers: Conformers = 1
    keep: Keep = 1
