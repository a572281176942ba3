"""Molecules packed one behind the other, and the readers of the QM9 data set."""

import tarfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

ATOMIC_NUMBERS = {"H": 1, "C": 6, "N": 7, "O": 8, "F": 9}
"""Atomic number of each element that occurs in QM9."""


class DataError(ValueError):
    """A data file is not what its name promises."""


@dataclass(frozen=True)
class Geometries:
    """M molecules with A atoms in all, stored one behind the other.

    Attributes:
        index: (M,) int32, number of the molecule in QM9.
        n_atoms: (M,) uint8, atoms of each molecule.
        atomic_numbers: (A,) uint8.
        positions: (A, 3) float32, Angstrom, at the DFT minimum.
    """

    index: npt.NDArray[np.int32]
    n_atoms: npt.NDArray[np.uint8]
    atomic_numbers: npt.NDArray[np.uint8]
    positions: npt.NDArray[np.float32]

    @property
    def offsets(self) -> npt.NDArray[np.int64]:
        """(M + 1,) first atom of each molecule, and the end of the last."""
        return np.concatenate([[0], np.cumsum(self.n_atoms, dtype=np.int64)])

    def __len__(self) -> int:
        return len(self.index)

    def __iter__(self) -> Iterator[tuple[npt.NDArray[np.uint8], npt.NDArray[np.float32]]]:
        """Yields (atomic_numbers, positions) of one molecule after the other."""
        for start, end in zip(self.offsets[:-1], self.offsets[1:], strict=True):
            yield self.atomic_numbers[start:end], self.positions[start:end]


def read_qm9(path: Path) -> Geometries:
    """Reads QM9 from the original archive or from a packed `.npz`.

    Args:
        path: `dsgdb9nsd.xyz.tar.bz2` as published (doi 10.1038/sdata.2014.22), or a `.npz` with
            the arrays of `Geometries`.

    Raises:
        DataError: the file is neither of the two, or a record in it is malformed.
    """
    if path.suffix == ".npz":
        return _read_npz(path)
    if ".tar" in path.suffixes:
        return _read_archive(path)
    raise DataError(f"{path.name}: expected a .npz or a .tar.bz2 file")


def _read_npz(path: Path) -> Geometries:
    try:
        with np.load(path) as arrays:
            return Geometries(
                arrays["index"], arrays["n_atoms"], arrays["atomic_numbers"], arrays["positions"]
            )
    except (ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise DataError(f"{path.name}: not a packed QM9 ({error})") from error


def _read_archive(path: Path) -> Geometries:
    records = []
    try:
        with tarfile.open(path) as archive:
            for member in archive:
                file = archive.extractfile(member)
                if file is not None and member.name.endswith(".xyz"):
                    records.append(parse_qm9_record(file.read().decode(), member.name))
    except (tarfile.TarError, EOFError, OSError) as error:
        raise DataError(f"{path.name}: damaged ({error})") from error
    if not records:
        raise DataError(f"{path.name}: holds no .xyz record")
    records.sort(key=lambda record: record[0])
    return Geometries(
        index=np.array([index for index, _, _ in records], dtype=np.int32),
        n_atoms=np.array([len(numbers) for _, numbers, _ in records], dtype=np.uint8),
        atomic_numbers=np.concatenate([numbers for _, numbers, _ in records]),
        positions=np.concatenate([positions for _, _, positions in records]),
    )


def parse_qm9_record(
    text: str, name: str
) -> tuple[int, npt.NDArray[np.uint8], npt.NDArray[np.float32]]:
    """Parses one record of the archive: count, properties, atoms, frequencies, SMILES, InChI.

    Args:
        text: the record. Its numbers may be written with `*^` for the exponent.
        name: what to call the record in an error.

    Returns:
        QM9 number, (n,) atomic numbers, (n, 3) positions in Angstrom.

    Raises:
        DataError: the record does not have that form.
    """
    lines = text.splitlines()
    try:
        n_atoms, index = int(lines[0]), int(lines[1].split()[1])
        atoms = [line.replace("*^", "e").split() for line in lines[2 : 2 + n_atoms]]
        numbers = np.array([ATOMIC_NUMBERS[atom[0]] for atom in atoms], dtype=np.uint8)
        positions = np.array([[float(x) for x in atom[1:4]] for atom in atoms], dtype=np.float32)
    except (IndexError, KeyError, ValueError) as error:
        raise DataError(f"{name}: not a QM9 record ({error})") from error
    if positions.shape != (n_atoms, 3):
        raise DataError(f"{name}: promises {n_atoms} atoms, holds {len(positions)}")
    return index, numbers, positions
