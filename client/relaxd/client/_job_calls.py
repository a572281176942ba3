"""The calls that concern jobs, as values."""

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias
from urllib.parse import quote
from uuid import uuid4

import httpx

from relaxd.client._bodies import FileBody, Molecules, NdjsonBody
from relaxd.client._calls import Call, check, read_as, relax_options
from relaxd.client._errors import TYPE_PREFIX, InputError, TransportError
from relaxd.client.schemas import (
    JobInfo,
    JobKind,
    JobList,
    JobOptions,
    JobState,
    Priority,
    RefineOptions,
    ResultPage,
    SampleOptions,
    Webhook,
)

JOBS_PATH = "/v1/jobs"

UNKNOWN_JOB = f"{TYPE_PREFIX}input:unknown-job"
"""The type of the error where there is no such job, or it is another key's."""

PAGE_SIZE = 500
"""How many results are asked for at a time."""

ResultStatus: TypeAlias = Literal["ok", "error"]
"""How the work on one molecule ended; `error` is also where the job was cancelled before."""

FileFormat: TypeAlias = Literal["sdf", "extxyz"]
"""The formats in which the server writes geometries."""


@dataclass(frozen=True)
class FilePage:
    """One page of results as a part of a file.

    Attributes:
        content: the part.
        next: cursor of the next page; None on the last one.
    """

    content: bytes
    next: str | None


def job_options(
    *,
    kind: JobKind,
    refine: RefineOptions | None,
    sample: SampleOptions | None,
    model: str | None,
    trajectory: bool,
    conformers: int,
    keep: int,
    name: str | None,
    tags: Iterable[str],
    priority: Priority,
    webhook: Webhook | None,
    deduplicate: bool,
) -> JobOptions:
    """Return what is asked of a job; what was not given is left to the server.

    Raises:
        ValueError: an option has a value that no server takes.
    """
    # A string is passed on as it is, to be refused: it is one tag, not one for each letter.
    words = tags if isinstance(tags, str) else list(tags)
    optional: dict[str, Any] = {"refine": refine, "sample": sample}
    optional |= {"name": name, "webhook": webhook}
    given = {key: value for key, value in optional.items() if value is not None}
    given |= relax_options(model=model, trajectory=trajectory, conformers=conformers, keep=keep)
    if words:
        given["tags"] = words
    plain = {"kind": kind, "priority": priority, "deduplicate": deduplicate}
    return JobOptions.model_validate(plain | given)


def refine_options(level: str | None, solvent: str | None, **others: Any) -> RefineOptions:
    """Return how DFT is to refine; what is None is left to the server.

    Raises:
        ValueError: an option has a value that no server takes.
    """
    optional = {"level": level, "solvent": solvent}
    given = {key: value for key, value in optional.items() if value is not None}
    return RefineOptions.model_validate(given | others)


def submit_call(
    molecules: Molecules | os.PathLike[str], options: JobOptions, idempotency_key: str | None
) -> Call[JobInfo]:
    """Return the call that submits a job, with a key of its own if none is given.

    Raises:
        TypeError: the molecules are none, or a single one.
        ValueError: a file of another kind, or a file and a webhook.
        OSError: there is no such file.
    """
    headers = {"Idempotency-Key": uuid4().hex if idempotency_key is None else idempotency_key}
    if not isinstance(molecules, os.PathLike):
        body = NdjsonBody(options, molecules)
        return Call(read_as(JobInfo), "POST", JOBS_PATH, body, headers=headers)
    file = FileBody(Path(molecules))
    return Call(read_as(JobInfo), "POST", JOBS_PATH, file, params=_query(options), headers=headers)


def job_call(job_id: str) -> Call[JobInfo]:
    """Return the call that asks how a job stands."""
    return Call(read_as(JobInfo), "GET", _path(job_id))


def list_call(
    state: JobState | None, kind: JobKind | None, tag: str | None, cursor: str | None
) -> Call[JobList]:
    """Return the call for one page of jobs."""
    params = _given(state=state, kind=kind, tag=tag, cursor=cursor)
    return Call(read_as(JobList), "GET", JOBS_PATH, params=params)


def results_call(
    job_id: str, cursor: str | None, status: ResultStatus | None = None
) -> Call[ResultPage]:
    """Return the call for one page of results."""
    params = _given(limit=PAGE_SIZE, cursor=cursor, status=status)
    return Call(read_as(ResultPage), "GET", _path(job_id, "/results"), params=params)


def file_call(job_id: str, cursor: str | None, format_: FileFormat) -> Call[FilePage]:
    """Return the call for one page of geometries in a format of files."""
    params = _given(limit=PAGE_SIZE, cursor=cursor, format=format_)
    return Call(_read_file, "GET", _path(job_id, "/results"), params=params)


def cancel_call(job_id: str) -> Call[JobInfo]:
    """Return the call that cancels a job."""
    return Call(read_as(JobInfo), "DELETE", _path(job_id))


def delete_call(job_id: str) -> Call[None]:
    """Return the call that deletes a job; that it is gone already is no error."""
    return Call(_read_deletion, "DELETE", _path(job_id), params={"purge": "true"})


def events_call(job_id: str, after: int | None) -> Call[None]:
    """Return the call whose answer is the stream of a job's events."""
    headers = {"Accept": "text/event-stream", "Accept-Encoding": "identity"}
    if after is not None:
        headers["Last-Event-ID"] = str(after)
    return Call(check, "GET", _path(job_id, "/events"), headers=headers)


def incomplete_results(job_id: str) -> TransportError:
    """Return the error of a job that has ended and whose last pages do not come."""
    return TransportError(f"job {job_id} has ended, but not all of its results are there")


def _read_deletion(response: httpx.Response) -> None:
    try:
        check(response)
    except InputError as error:
        # As when the answer to an earlier attempt was lost on its way.
        if error.type != UNKNOWN_JOB:
            raise


def _read_file(response: httpx.Response) -> FilePage:
    check(response)
    return FilePage(response.content, response.headers.get("X-Next-Cursor"))


def _path(job_id: str, rest: str = "") -> str:
    return f"{JOBS_PATH}/{quote(job_id, safe='')}{rest}"


def _given(**params: Any) -> dict[str, Any]:
    return {key: value for key, value in params.items() if value is not None}


def _query(options: JobOptions) -> Mapping[str, Any]:
    if options.webhook is not None:
        raise ValueError("a job from a file takes no webhook: submit its molecules instead")
    nested = {"refine", "sample"}
    params = options.model_dump(mode="json", exclude_unset=True, exclude={"tags", *nested})
    for part in (options.refine, options.sample):
        if part is not None:
            params |= part.model_dump(mode="json", exclude_unset=True, exclude_none=True)
    return params | ({"tag": options.tags} if options.tags else {})
