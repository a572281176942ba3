"""Bodies in pieces: bounded, repeatable where they can be."""

import json
import math
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import ase
import numpy as np
import pytest
from rdkit import Chem

from relaxd.client import Molecule
from relaxd.client._bodies import PIECE_SIZE, Body, FileBody, NdjsonBody
from relaxd.client.schemas import JobOptions

pytestmark = pytest.mark.anyio

OPTIONS = JobOptions(kind="refine", tags=["a"])
HEAD = {"kind": "refine", "tags": ["a"]}


async def read(body: Body) -> bytes:
    """The same from both kinds of pieces."""
    whole = b"".join([piece async for piece in body.async_pieces()])
    assert b"".join(body.pieces()) == whole
    return whole


async def lines(molecules: Any) -> list[Any]:
    return [json.loads(line) for line in (await read(NdjsonBody(OPTIONS, molecules))).splitlines()]


async def test_lines() -> None:
    molecules = ["C\n\u2028N", Molecule(smiles="C", id="a"), {"positions": np.zeros((1, 3))}]
    atoms = ase.Atoms("He", positions=[[0, 0, 0]])
    assert await lines([*molecules, atoms]) == [
        HEAD,
        "C\n\u2028N",
        {"smiles": "C", "id": "a"},
        {"positions": [[0, 0, 0]]},
        {"atomic_numbers": [2], "positions": [[0, 0, 0]]},
    ]


async def test_nan_is_left_to_the_server() -> None:
    (_, molecule) = await lines([{"positions": [[math.nan, 0, 0]]}])
    assert math.isnan(molecule["positions"][0][0])


async def test_no_molecule() -> None:
    assert await lines([]) == [HEAD]


@pytest.mark.parametrize("n", [1, 5000, 50_000])
async def test_pieces_are_bounded(n: int) -> None:
    body = NdjsonBody(OPTIONS, ["CCO" * 10] * n)
    sizes = [len(piece) for piece in body.pieces()]
    assert max(sizes) < PIECE_SIZE + 100
    assert all(size >= PIECE_SIZE for size in sizes[:-1])
    assert sizes == [len(piece) async for piece in body.async_pieces()]


def test_a_generator_is_not_read_ahead() -> None:
    taken = 0

    def molecules() -> Iterator[str]:
        nonlocal taken
        while True:
            taken += 1
            yield "CCO"

    piece = next(NdjsonBody(OPTIONS, molecules()).pieces())
    assert taken < len(piece) / 6


async def one(smiles: str = "C") -> AsyncIterator[str]:
    yield smiles


class Stored:
    """Molecules that can be asked for any number of times, asynchronously."""

    def __aiter__(self) -> AsyncIterator[str]:
        return one()


@pytest.mark.parametrize(
    ("make", "repeatable"),
    [
        (lambda: ["C"], True),
        (lambda: ("C",), True),
        (lambda: {"C": 1}.keys(), True),
        (Stored, True),
        (lambda: iter(["C"]), False),
        (lambda: (smiles for smiles in ["C"]), False),
        (one, False),
    ],
)
async def test_what_can_be_sent_again(make: Callable[[], Any], repeatable: bool) -> None:
    body = NdjsonBody(OPTIONS, make())
    assert body.repeatable
    assert [piece async for piece in body.async_pieces()]
    assert body.repeatable is repeatable


async def test_what_is_no_molecule_is_not_sent_again() -> None:
    body = NdjsonBody(OPTIONS, ["C", 3])
    with pytest.raises(TypeError, match="expected a molecule, got int"):
        list(body.pieces())
    assert not body.repeatable
    again = NdjsonBody(OPTIONS, ["C", 3])
    with pytest.raises(TypeError):
        [piece async for piece in again.async_pieces()]
    assert not again.repeatable


@pytest.mark.parametrize(
    "one", ["C", {"smiles": "C"}, ase.Atoms("He"), Chem.MolFromSmiles("C"), Molecule(smiles="C")]
)
def test_one_molecule_is_not_several(one: Any) -> None:
    with pytest.raises(TypeError, match="put it into a list"):
        NdjsonBody(OPTIONS, one)


@pytest.mark.parametrize("thing", [3, None, Chem])
def test_no_molecules(thing: Any) -> None:
    with pytest.raises(TypeError, match="expected molecules"):
        NdjsonBody(OPTIONS, thing)


def test_asynchronous_molecules_need_the_asynchronous_client() -> None:
    with pytest.raises(TypeError, match="AsyncClient"):
        NdjsonBody(OPTIONS, Stored()).pieces()


@pytest.mark.parametrize(
    ("name", "media_type"),
    [
        ("a.smi", "chemical/x-daylight-smiles"),
        ("a.SDF", "chemical/x-mdl-sdfile"),
        ("a.xyz", "chemical/x-xyz"),
        ("a.extxyz", "chemical/x-xyz"),
    ],
)
async def test_file(tmp_path: Path, name: str, media_type: str) -> None:
    content = b"CCO ethanol\r\n" * 20_000
    (tmp_path / name).write_bytes(content)
    body = FileBody(tmp_path / name)
    assert (body.media_type, body.size, body.repeatable) == (media_type, len(content), True)
    assert await read(body) == content
    assert max(len(piece) for piece in body.pieces()) <= PIECE_SIZE


def test_other_files(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"a\.pdb: a job takes files named \.smi, \.sdf"):
        FileBody(tmp_path / "a.pdb")
    with pytest.raises(FileNotFoundError):
        FileBody(tmp_path / "a.smi")
