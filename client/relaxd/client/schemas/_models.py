"""The models that a server offers."""

from pydantic import BaseModel, Field


class ModelInfo(BaseModel):
    """One trained model: what it reproduces, where it may be used, how well it does."""

    name: str = Field(description="Name to put into a request.", examples=["relaxd-small"])
    sha256: str = Field(description="SHA-256 of the weights file, hexadecimal.")
    level_of_theory: str = Field(
        description="Method and basis set whose minima the model was trained on.",
        examples=["B3LYP/6-31G(2df,p)"],
    )
    elements: list[int] = Field(
        description="Atomic numbers the model knows.", examples=[[1, 6, 7, 8, 9]]
    )
    max_atoms: int = Field(
        description="Largest molecule, in atoms with hydrogens, that lies in the model's domain."
    )
    n_parameters: int = Field(description="Number of trained parameters.")
    accuracy: dict[str, float] = Field(
        description="Accuracy as last measured; each key names quantity and unit.",
        examples=[{"rmsd_median_angstrom": 0.03}],
    )


class ModelList(BaseModel):
    """Every model that the server offers."""

    default: str = Field(description="Name of the model used when a request names none.")
    models: list[ModelInfo] = Field(description="The models, by name.")
    forms: list[str] = Field(
        default_factory=list, description="Forms of a molecule that the server can read."
    )
    levels: list[str] = Field(
        default_factory=list,
        description="Levels of theory with a name; empty where the server has no DFT.",
    )
