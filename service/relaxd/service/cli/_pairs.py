"""The file of pairs that training and evaluation read, made on first use."""

import hashlib
from pathlib import Path
from typing import Annotated

import typer

Data = Annotated[
    Path | None,
    typer.Option(
        exists=True,
        dir_okay=False,
        help="QM9: dsgdb9nsd.xyz.tar.bz2 as published, or the same packed as .npz.",
    ),
]
Pairs = Annotated[
    Path | None,
    typer.Option(
        dir_okay=False,
        metavar="FILE",
        help="The same with MMFF94 geometries; made from --data if it is not there.",
    ),
]


def find_pairs(data: Path | None, pairs: Path | None, folder: Path) -> Path:
    """Return the file of pairs; where there is none yet, make it from the data.

    Args:
        data: QM9.
        pairs: where the file is, or shall be.
        folder: where it is if `pairs` does not say: under a name that holds the data's hash.

    Raises:
        typer.BadParameter: neither is there, or the data cannot be read.
    """
    if pairs is not None and pairs.is_file():
        return pairs
    if data is None:
        raise typer.BadParameter("give --data, or --pairs with a file that is there")
    path = pairs or folder / f"pairs-{_digest(data)}.safetensors"
    if not path.is_file():
        _make(data, path)
    return path


def _make(data: Path, path: Path) -> None:
    from relaxd.model.data import DataError, read_qm9, write_pairs

    try:
        geometries = read_qm9(data)
    except DataError as error:
        raise typer.BadParameter(str(error)) from error
    skipped = write_pairs(geometries, path)
    typer.echo(f"{len(geometries) - skipped.total()} pairs in {path}", err=True)
    for reason, count in skipped.most_common():
        typer.echo(f"{count} molecules without a pair: {reason}", err=True)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:12]
