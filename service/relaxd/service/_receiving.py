"""The body of `POST /v1/jobs`, of any size: read, cut into molecules and kept piece by piece."""

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Protocol

from pydantic import ValidationError

from relaxd.client.schemas import JobOptions, JobRequest, SampleOptions
from relaxd.relax import split_records
from relaxd.service._problems import ProblemError, field_faults
from relaxd.service.store import FullError, IdempotencyError, Slicing, Uploads

PIECE = 1000
"""Molecules that one transaction keeps."""

MAX_RECORD_CHARACTERS = 4 * 2**20
"""Longest text of one molecule; each is held in memory."""

MAX_ID_CHARACTERS = 256
"""Longest id of a molecule; a longer title is cut."""

FILE_FORMS = {
    "chemical/x-daylight-smiles": (".smi", "smiles"),
    "chemical/x-mdl-sdfile": (".sdf", "sdf"),
    "chemical/x-xyz": (".xyz", "xyz"),
}
"""Media types of files, with the suffix of their names and the form of their molecules."""

DECISIVE = {"kind", "model", "refine", "sample", "trajectory", "conformers", "keep"}
"""The options that a job shares with another that asks for the same."""

Chunks = Iterator[bytes]
"""A body as it arrives."""

Molecules = Iterator[Any]
"""Molecules as JSON; a string is a SMILES."""


def read_json(body: bytes) -> tuple[JobOptions, Molecules]:
    """Return what a JSON body asks for.

    Raises:
        ProblemError: it is not JSON, or not a request for a job.
    """
    request = _validated(JobRequest, _parsed(body, "The body"))
    options = JobOptions(**{name: getattr(request, name) for name in JobOptions.model_fields})
    return options, iter(request.molecules)


def read_ndjson(chunks: Chunks) -> tuple[JobOptions, Molecules]:
    """Return what a body of JSON lines asks for: options first, then a molecule a line.

    Raises:
        ProblemError: it does not begin with options.
    """
    lines = (line for line in Lines(chunks) if line.strip())
    options = _validated(JobOptions, _parsed(next(lines, ""), "Line 1"))
    numbered = enumerate(lines, start=2)
    return options, (_parsed(line, f"Line {number}") for number, line in numbered)


def read_file(chunks: Chunks, media_type: str) -> Molecules:
    """Yield the molecules of a file.

    Args:
        chunks: the file.
        media_type: a key of `FILE_FORMS`.

    Raises:
        ProblemError: one molecule is too long.
    """
    suffix, form = FILE_FORMS[media_type]
    lines = Lines(chunks)
    for title, text in split_records(lines, suffix):
        lines.n_characters = 0
        yield {form: text, "id": title[:MAX_ID_CHARACTERS]} if title else {form: text}


class Lines:
    """Text as lines, with their ends, of a body that arrives in any pieces.

    Attributes:
        n_characters: of the lines since the last time that it was set to zero.
    """

    def __init__(self, chunks: Chunks) -> None:
        self.n_characters = 0
        self._chunks = chunks

    def __iter__(self) -> Iterator[str]:
        held = b""
        for chunk in self._chunks:
            *lines, held = (held + chunk).split(b"\n")
            for line in lines:
                yield self._text(line + b"\n")
            self._check(len(held))
        if held:
            yield self._text(held)

    def _text(self, line: bytes) -> str:
        self.n_characters += len(line)
        self._check(0)
        # What is not UTF-8 becomes a molecule that cannot be read, and an error of its own.
        return line.decode("utf-8", errors="replace")

    def _check(self, more: int) -> None:
        if self.n_characters + more > MAX_RECORD_CHARACTERS:
            detail = f"One molecule takes more than {MAX_RECORD_CHARACTERS} characters."
            raise ProblemError("limit", "molecule-too-long", detail)


class Quota(Protocol):
    """How many molecules a caller may send."""

    def spend(self, n: int) -> None:
        """Count molecules.

        Raises:
            ProblemError: so many are not left.
        """

    def give_back(self, n: int) -> None:
        """Count molecules no more, because nothing is done for them."""


class Receiver:
    """Keeps a job, all of it or nothing.

    Args:
        uploads: where to.
        max_molecules: in one job.
        slicing: how a job is cut into tasks.
        quota: of the caller.
    """

    def __init__(
        self,
        uploads: Uploads,
        max_molecules: int,
        slicing: Callable[[JobOptions], Slicing],
        quota: Quota,
    ) -> None:
        self._uploads = uploads
        self._max_molecules = max_molecules
        self._slicing = slicing
        self._quota = quota

    def receive(
        self, owner: str, options: JobOptions, molecules: Molecules, key: str | None
    ) -> tuple[str, bool]:
        """Keep a job and let it begin.

        Args:
            owner: id of the API key.
            options: what to do.
            molecules: taken as they are kept.
            key: idempotency key.

        Returns:
            The id of the job that answers the request, and whether it was there before.

        Raises:
            ProblemError: no molecules, too many, or the key was used for something else.
        """
        try:
            job_id = self._uploads.open(owner, options)
        except FullError as error:
            detail = f"{error}; try again later."
            raise ProblemError(
                "limit", "busy", detail, status=429, headers={"Retry-After": "60"}
            ) from error
        try:
            n_items, digest = self._keep(job_id, options, molecules)
            return self._close(job_id, n_items, digest, key, options)
        except IdempotencyError as error:
            detail = f"The idempotency key {key!r} came with another job before."
            raise ProblemError("input", "idempotency-key-reused", detail) from error
        except BaseException:
            self._uploads.discard(job_id)
            raise

    def _keep(self, job_id: str, options: JobOptions, molecules: Molecules) -> tuple[int, str]:
        """Keep the molecules, and return how many there are and what tells the job from others."""
        asked = options.model_dump_json(include=DECISIVE)
        digest = hashlib.sha256(asked.encode())
        n_items = 0
        for piece in _pieces(json.dumps(molecule) for molecule in molecules):
            for text in piece:
                digest.update(b"\n" + text.encode())
            self._check(n_items + len(piece), options)
            self._uploads.add(job_id, n_items, piece)
            n_items += len(piece)
        if n_items == 0:
            raise ProblemError("input", "empty-list", "The request holds no molecules.")
        return n_items, digest.hexdigest()

    def _close(
        self, job_id: str, n_items: int, digest: str, key: str | None, options: JobOptions
    ) -> tuple[str, bool]:
        n_geometries = n_items * geometries_of(options)
        self._quota.spend(n_geometries)
        is_new = False
        try:
            answer = self._uploads.close(job_id, n_items, digest, key, self._slicing(options))
            is_new = not answer[1]
            return answer
        finally:
            if not is_new:
                self._quota.give_back(n_geometries)

    def _check(self, n_items: int, options: JobOptions) -> None:
        geometries = geometries_of(options)
        if n_items * geometries > self._max_molecules:
            detail = f"A job may hold {self._max_molecules} molecules."
            if geometries > 1:
                what = "geometries" if options.kind == "sample" else "conformers"
                detail = f"{detail[:-1]}; with {geometries} {what} each is so many."
            raise ProblemError("limit", "too-many-molecules", detail)


def geometries_of(options: JobOptions) -> int:
    """Return how many geometries of each molecule are relaxed, by which limits are counted."""
    if options.kind == "sample":
        return (options.sample or SampleOptions()).n_samples
    return options.conformers


def _pieces(texts: Iterable[str]) -> Iterator[list[str]]:
    piece: list[str] = []
    n_characters = 0
    for text in texts:
        piece.append(text)
        n_characters += len(text)
        if len(piece) == PIECE or n_characters > MAX_RECORD_CHARACTERS:
            yield piece
            piece, n_characters = [], 0
    if piece:
        yield piece


def _parsed(text: str | bytes, where: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        detail = f"{where} is not JSON."
        raise ProblemError("input", "malformed-body", detail, status=400) from error


def _validated(schema: type[Any], value: Any) -> Any:
    try:
        return schema.model_validate(value)
    except ValidationError as error:
        raise invalid(error) from None


def invalid(error: ValidationError) -> ProblemError:
    """Return the problem of a request that does not have the form it should."""
    faults = error.errors()
    if faults[0]["type"] == "too_short" and faults[0]["loc"] == ("molecules",):
        return ProblemError("input", "empty-list", "The request holds no molecules.")
    detail = f"{faults[0]['msg']}."
    return ProblemError("input", "invalid-request", detail, errors=field_faults(faults))
