"""Extended XYZ that is read as it was written."""

import json
import re
from collections.abc import Iterable
from typing import TextIO

import ase
from ase.io import write

SPECIAL = re.compile(r"\\|=$")
r"""What of a value ASE writes as it is, but reads as more than itself: the SMILES `F/C=C\F` would
come back as `F/C=CF`."""

JSON = "_JSON "
"""How a value begins that ASE reads as JSON."""


def write_extxyz(file: TextIO, frames: Iterable[ase.Atoms]) -> None:
    """Write frames so that the text in their `info` comes back, each blank in it as one space."""
    for atoms in frames:
        escaped = atoms.copy()
        escaped.calc = atoms.calc
        for key, value in atoms.info.items():
            if isinstance(value, str):
                escaped.info[key] = _escaped(value)
                if not escaped.info[key]:  # would come back as True
                    del escaped.info[key]
        write(file, escaped, format="extxyz")


def _escaped(value: str) -> str:
    text = " ".join(value.split())
    if text.startswith(JSON):
        text = JSON + json.dumps(text)
    return SPECIAL.sub(r"\\\g<0>", text)
