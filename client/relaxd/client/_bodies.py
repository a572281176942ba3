"""What is sent as the molecules of a job, piece by piece, so that any number of them fits."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeAlias

from pydantic_core import to_json

from relaxd.client._inputs import MoleculeLike, molecule_to_wire, refuse_one_molecule
from relaxd.client.schemas import JobOptions

PIECE_SIZE = 65_536
"""About how much of a body is held at a time. Unit: bytes."""

MEDIA_TYPES = {
    ".smi": "chemical/x-daylight-smiles",
    ".sdf": "chemical/x-mdl-sdfile",
    ".xyz": "chemical/x-xyz",
    ".extxyz": "chemical/x-xyz",
}
"""The files that are sent as they are, by their suffix."""

Molecules: TypeAlias = Iterable[MoleculeLike] | AsyncIterable[MoleculeLike]


class Body(ABC):
    """The body of a request, which each attempt to send it reads anew.

    Attributes:
        media_type: its `Content-Type`.
        size: in bytes; None where it is not known before the end.
    """

    media_type: str
    size: int | None = None

    @property
    @abstractmethod
    def repeatable(self) -> bool:
        """Whether it can be sent once more."""

    @abstractmethod
    def pieces(self) -> Iterator[bytes]:
        """Return it from its beginning."""

    @abstractmethod
    def async_pieces(self) -> AsyncIterator[bytes]:
        """Return it from its beginning, for asyncio."""


class FileBody(Body):
    """A file as it is.

    Raises:
        ValueError: a job does not take files of this kind.
        OSError: there is no such file.
    """

    repeatable = True

    def __init__(self, path: Path) -> None:
        media_type = MEDIA_TYPES.get(path.suffix.lower())
        if media_type is None:
            raise ValueError(f"{path}: a job takes files named {', '.join(MEDIA_TYPES)}")
        self.media_type = media_type
        self.size = path.stat().st_size
        self._path = path

    def pieces(self) -> Iterator[bytes]:
        """Return it from its beginning."""
        with self._path.open("rb") as file:
            while piece := file.read(PIECE_SIZE):
                yield piece

    async def async_pieces(self) -> AsyncIterator[bytes]:
        """Return it from its beginning, for asyncio."""
        with await asyncio.to_thread(self._path.open, "rb") as file:
            while piece := await asyncio.to_thread(file.read, PIECE_SIZE):
                yield piece


class NdjsonBody(Body):
    """The options of a job and its molecules, each as a line of JSON.

    Raises:
        TypeError: the molecules are none, or a single one.
    """

    media_type = "application/x-ndjson"

    def __init__(self, options: JobOptions, molecules: Molecules) -> None:
        refuse_one_molecule(molecules)
        if not isinstance(molecules, Iterable | AsyncIterable):
            raise TypeError(f"expected molecules, got {type(molecules).__name__}")
        self._options = options
        self._molecules = molecules
        self._is_begun = False
        self._is_faulty = False

    @property
    def repeatable(self) -> bool:
        """Whether the molecules are all there still, and are molecules."""
        is_used_up = self._is_begun and _is_one_shot(self._molecules)
        return not is_used_up and not self._is_faulty

    def pieces(self) -> Iterator[bytes]:
        """Return it from its beginning.

        Raises:
            TypeError: the molecules come asynchronously.
        """
        if not isinstance(self._molecules, Iterable):
            raise TypeError("an asynchronous iterable of molecules needs an AsyncClient")
        return self._pieces(self._molecules)

    async def async_pieces(self) -> AsyncIterator[bytes]:
        """Return it from its beginning, for asyncio."""
        piece = self._begin()
        with self._noting_faults():
            async for molecule in _each(self._molecules):
                piece += _line(molecule_to_wire(molecule))
                if len(piece) >= PIECE_SIZE:
                    yield bytes(piece)
                    piece.clear()
        if piece:
            yield bytes(piece)

    def _pieces(self, molecules: Iterable[MoleculeLike]) -> Iterator[bytes]:
        piece = self._begin()
        with self._noting_faults():
            for molecule in molecules:
                piece += _line(molecule_to_wire(molecule))
                if len(piece) >= PIECE_SIZE:
                    yield bytes(piece)
                    piece.clear()
        if piece:
            yield bytes(piece)

    def _begin(self) -> bytearray:
        self._is_begun = True
        return bytearray(_line(self._options.model_dump(mode="json", exclude_unset=True)))

    @contextmanager
    def _noting_faults(self) -> Iterator[None]:
        # What the caller's own iterable raises may look like an error that passes.
        try:
            yield
        except Exception:
            self._is_faulty = True
            raise


def molecule_json(value: Any) -> bytes:
    """Return what holds molecules as JSON.

    NaN is sent as such: the server names the molecule that holds it and answers the others.

    Raises:
        TypeError: a molecule holds what JSON cannot.
    """
    return to_json(value, inf_nan_mode="constants", fallback=_array_to_list)


def _line(value: Any) -> bytes:
    return molecule_json(value) + b"\n"


def _array_to_list(value: Any) -> Any:
    if hasattr(value, "tolist"):
        return value.tolist()
    raise TypeError(f"a molecule cannot hold {type(value).__name__}")


def _is_one_shot(molecules: Molecules) -> bool:
    if isinstance(molecules, AsyncIterable):
        return aiter(molecules) is molecules
    return iter(molecules) is molecules


async def _each(molecules: Molecules) -> AsyncIterator[MoleculeLike]:
    if isinstance(molecules, AsyncIterable):
        async for molecule in molecules:
            yield molecule
    else:
        for molecule in molecules:
            yield molecule
