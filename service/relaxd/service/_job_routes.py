"""The calls of the HTTP API about jobs."""

import asyncio
import json
import re
from collections.abc import AsyncIterable, Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import anyio.from_thread
import anyio.to_thread
from fastapi import APIRouter, Depends, Header, Query, Request, Response
from fastapi.sse import EventSourceResponse, ServerSentEvent
from pydantic import BaseModel, ValidationError
from starlette.requests import ClientDisconnect

from relaxd.client.schemas import (
    FINAL_STATES,
    MAX_SAMPLES,
    JobInfo,
    JobKind,
    JobList,
    JobOptions,
    JobResult,
    JobState,
    RefineOptions,
    ResultPage,
    SampleOptions,
    Tag,
)
from relaxd.dft_bridge import DftError
from relaxd.service._faults import problem_of
from relaxd.service._offers import has_dft
from relaxd.service._openapi import JOB_ANSWERS, JOB_CALL, RESULT_FILES, problems
from relaxd.service._problems import ProblemError
from relaxd.service._receiving import (
    FILE_FORMS,
    Chunks,
    Molecules,
    Receiver,
    geometries_of,
    invalid,
    read_file,
    read_json,
    read_ndjson,
)
from relaxd.service._routes import EngineDep
from relaxd.service.access import Access, AccessDep, Caller, CallerDep
from relaxd.service.formats import Format, received_version, write_results
from relaxd.service.jobs import JobEngine, refine_settings
from relaxd.service.store import Filters, Slicing
from relaxd.service.webhooks import check_webhook

router = APIRouter(prefix="/v1/jobs", tags=["jobs"])

MAX_PAGE = 1000
"""Most jobs, or results, in one page."""

REFINE_SECONDS = 120.0
"""About what DFT takes for a molecule; by it, the tasks of several jobs take turns. Unit: s."""

RELAX_SECONDS = 0.02
"""About what a relaxation takes, its embedding included; or a sampled geometry. Unit: s."""

MAX_PAGE_SAMPLES = MAX_SAMPLES
"""Most sampled geometries in one page; with ten heavy atoms, some ten megabytes of JSON."""

JOB_ID = re.compile("[0-9a-f]{1,64}")
"""Identifiers of jobs, in the path and as cursors."""

EVENT_SECONDS = 0.25
"""How often to look for new events of a job. Unit: s."""

EVENTS_AT_ONCE = 500


def _job_engine(request: Request) -> JobEngine:
    engine: JobEngine = request.app.state.job_engine
    return engine


JobEngineDep = Annotated[JobEngine, Depends(_job_engine)]


async def _job(job_id: str, engine: JobEngineDep, caller: CallerDep) -> JobInfo:
    found = None
    if JOB_ID.fullmatch(job_id):  # PostgreSQL refuses NUL
        found = await asyncio.to_thread(engine.jobs.get, job_id, caller.owner)
    if found is None:
        raise ProblemError("input", "unknown-job", f"There is no job {job_id!r}.", status=404)
    return found


JobDep = Annotated[JobInfo, Depends(_job)]
Limit = Annotated[int, Query(ge=1, le=MAX_PAGE, description="How many at most.")]
IdempotencyKey = Annotated[
    str | None,
    Header(
        pattern=r"^[\x21-\x7e]{1,255}$",
        description="Makes a repeated request the same job.",
    ),
]


@router.post(
    "",
    status_code=202,
    openapi_extra=JOB_CALL,
    responses=JOB_ANSWERS | problems(401, 413, 415, 422, 429, 503),
)
async def create_job(
    request: Request,
    response: Response,
    relaxing: EngineDep,
    engine: JobEngineDep,
    caller: CallerDep,
    access: AccessDep,
    idempotency_key: IdempotencyKey = None,
) -> JobInfo:
    """Accept a job of any size; a file is sent as it is, with the options in the query."""
    relaxing.check_accepting()

    quota = _Quota(access, caller)
    slicing = _slicing(engine)
    receiver = Receiver(engine.uploads, engine.settings.max_job_molecules, slicing, quota)

    def receive() -> tuple[str, bool]:
        options, molecules = _read(request, engine.settings.max_body_bytes)
        _check(options, relaxing.check_model, engine)
        return receiver.receive(caller.owner, options, molecules, idempotency_key)

    job_id, replayed = await anyio.to_thread.run_sync(receive)
    engine.dispatcher.wake()
    if replayed:
        response.status_code = 200
        response.headers["Idempotency-Replayed"] = "true"
    response.headers["Location"] = f"{router.prefix}/{job_id}"
    return await _job(job_id, engine, caller)


@router.get("", responses=problems(401, 422, 429))
async def list_jobs(
    engine: JobEngineDep,
    caller: CallerDep,
    state: JobState | None = None,
    kind: JobKind | None = None,
    tag: Annotated[Tag | None, Query()] = None,
    limit: Limit = 100,
    cursor: Annotated[str | None, Query(pattern=f"^{JOB_ID.pattern}$")] = None,
) -> JobList:
    """List the caller's jobs, latest first."""
    filters = Filters(state, kind, tag)
    jobs = await asyncio.to_thread(engine.jobs.page, caller.owner, filters, cursor, limit)
    return JobList(jobs=jobs, next=jobs[-1].id if len(jobs) == limit else None)


@router.get("/{job_id}", responses=problems(401, 404, 422, 429))
async def get_job(job: JobDep) -> JobInfo:
    """Return a job: state, counts, times."""
    return job


@router.delete(
    "/{job_id}",
    status_code=202,
    response_model=JobInfo,
    responses={
        204: {"description": "The job is deleted.", "model": None},
        **problems(401, 404, 409, 422, 429),
    },
)
async def cancel_job(
    job: JobDep, engine: JobEngineDep, caller: CallerDep, response: Response, purge: bool = False
) -> Any:
    """Cancel a job; what is done is kept, unless `purge` deletes a job that has ended."""
    if not purge:
        await asyncio.to_thread(engine.queue.cancel, job.id)
        return await _job(job.id, engine, caller)
    if job.state not in FINAL_STATES:
        detail = f"Job {job.id} is {job.state}; cancel it first."
        raise ProblemError("input", "job-not-final", detail, status=409)
    await asyncio.to_thread(engine.jobs.purge, job.id)
    await asyncio.to_thread(engine.delete_journals, job.id)
    return Response(status_code=204)


@router.get(
    "/{job_id}/events",
    response_class=EventSourceResponse,
    responses=problems(401, 404, 422, 429),
)
async def job_events(
    job: JobDep,
    engine: JobEngineDep,
    caller: CallerDep,
    relaxing: EngineDep,
    last_event_id: Annotated[str | None, Header(pattern=r"^\d{1,15}$")] = None,
    after: Annotated[int, Query(ge=0, lt=2**53, description="As `Last-Event-ID`.")] = 0,
) -> AsyncIterable[ServerSentEvent]:
    """Stream what happens to a job, from its beginning or after an event, until it ends."""
    last = after if last_event_id is None else int(last_event_id)
    while not relaxing.is_draining:
        # The state first: all events of a job that has ended are there when they are read.
        info = await asyncio.to_thread(engine.jobs.get, job.id, caller.owner)
        events = await asyncio.to_thread(engine.jobs.events, job.id, last, EVENTS_AT_ONCE)
        for event in events:
            last = event.id
            yield ServerSentEvent(id=str(event.id), event=event.event, data=event.data)
        if not events:
            if info is None or info.state in FINAL_STATES:
                return
            await asyncio.sleep(EVENT_SECONDS)


@router.get(
    "/{job_id}/results",
    response_model=ResultPage | list[dict[str, Any]],  # the list is of QCSchema
    responses=RESULT_FILES | problems(401, 404, 422, 429),
)
async def job_results(
    request: Request,
    job: JobDep,
    engine: JobEngineDep,
    cursor: Annotated[int, Query(ge=0, lt=2**31, description="Of the page before.")] = 0,
    limit: Limit = 100,
    status: Annotated[Literal["ok", "error"] | None, Query(description="Only these.")] = None,
    format: Annotated[Format, Query(description="Of the page.")] = "json",
    schema_version: Annotated[int | None, Query(ge=1, le=2, description="Of QCSchema.")] = None,
) -> Any:
    """Return a page of results, in the order of the molecules, up to the first not done.

    Pages of sampled molecules are shorter, for each holds all its geometries.
    """
    if job.kind == "sample":
        n_samples = (job.sample or SampleOptions()).n_samples
        limit = min(limit, max(1, MAX_PAGE_SAMPLES // n_samples))
    results, following = await asyncio.to_thread(engine.jobs.results, job.id, cursor, limit, status)
    next_cursor = None if following is None else str(following)
    if format == "json":
        page = ResultPage(results=results, next=next_cursor)
        return Response(page.model_dump_json(), media_type="application/json")
    received = await asyncio.to_thread(_received, engine, job.id, results)
    written = await asyncio.to_thread(
        write_results, results, format, schema_version=schema_version, received=received
    )
    headers = {"X-Left-Out": str(written.left_out)}
    if next_cursor is not None:
        url = request.url.include_query_params(cursor=next_cursor)
        headers |= {"X-Next-Cursor": next_cursor, "Link": f'<{url.path}?{url.query}>; rel="next"'}
    return Response(written.text, media_type=written.media_type, headers=headers)


def _received(engine: JobEngine, job_id: str, results: Sequence[JobResult]) -> dict[int, int]:
    """Return the version of QCSchema in which each molecule came that came as QCSchema."""
    if not results:
        return {}
    first = results[0].index
    given = engine.jobs.molecules(job_id, first, results[-1].index + 1)
    found = enumerate(map(received_version, map(json.loads, given)), start=first)
    return {index: version for index, version in found if version is not None}


@dataclass(frozen=True)
class _Quota:
    """The caller's quota, as a thread that receives a job uses it."""

    access: Access
    caller: Caller

    def spend(self, n: int) -> None:
        anyio.from_thread.run(self.access.spend, self.caller, n)

    def give_back(self, n: int) -> None:
        anyio.from_thread.run(self.access.give_back, self.caller, n)


def _slicing(engine: JobEngine) -> Callable[[JobOptions], Slicing]:
    n = engine.settings.job_molecules

    def slicing(options: JobOptions) -> Slicing:
        geometries = geometries_of(options)
        if options.kind == "relax":
            at_once = max(1, n // geometries)
            return Slicing(at_once, at_once * geometries * RELAX_SECONDS, "cpu")
        if options.kind == "sample":
            return Slicing(1, geometries * RELAX_SECONDS, "cpu")
        device = options.refine.device if options.refine else "auto"
        return Slicing(1, REFINE_SECONDS, "gpu" if device == "gpu" else "cpu")

    return slicing


def _read(request: Request, max_bytes: int) -> tuple[JobOptions, Molecules]:
    """Return what is asked for; called in a thread, as the body is read while it is worked on."""
    media_type = request.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    chunks = _chunks(request)
    if media_type == "application/json":
        return read_json(_whole(chunks, max_bytes))
    if media_type == "application/x-ndjson":
        return read_ndjson(chunks)
    if media_type in FILE_FORMS:
        return _options_in_query(request), read_file(chunks, media_type)
    expected = ", ".join(("application/json", "application/x-ndjson", *FILE_FORMS))
    detail = f"The body must be one of {expected}; not {media_type or 'of no type'}."
    raise ProblemError("input", "unsupported-media-type", detail, status=415)


def _chunks(request: Request) -> Chunks:
    stream = request.stream()

    async def following() -> bytes | None:
        try:
            return await anext(stream, None)
        except ClientDisconnect as error:
            detail = "The connection ended before the body did."
            raise ProblemError("input", "incomplete-body", detail, status=400) from error

    while (chunk := anyio.from_thread.run(following)) is not None:
        yield chunk


def _whole(chunks: Chunks, max_bytes: int) -> bytes:
    body = bytearray()
    for chunk in chunks:
        body += chunk
        if len(body) > max_bytes:
            detail = f"A JSON body may have {max_bytes} bytes; send more as application/x-ndjson."
            raise ProblemError("limit", "body-too-large", detail, headers={"Connection": "close"})
    return bytes(body)


def _options_in_query(request: Request) -> JobOptions:
    given: dict[str, Any] = dict(request.query_params)
    given["tags"] = request.query_params.getlist("tag")
    given.pop("tag", None)
    parts: dict[str, type[BaseModel]] = {"refine": RefineOptions, "sample": SampleOptions}
    for part, schema in parts.items():
        fields = {name: given.pop(name) for name in schema.model_fields if name in given}
        if fields:
            given[part] = fields
    try:
        return JobOptions.model_validate(given)
    except ValidationError as error:
        raise invalid(error) from None


def _check(
    options: JobOptions, check_model: Callable[[str | None], None], engine: JobEngine
) -> None:
    """Refuse what cannot be done, before any of it is kept."""
    check_model(options.model)
    if options.webhook is not None:
        check_webhook(options.webhook, allow_private=engine.settings.webhook_private)
    if options.kind != "refine":
        return
    if not has_dft():
        raise ProblemError("resource", "no-dft", "This server has no DFT installed.")
    try:
        refine_settings(options.refine or RefineOptions(), engine.settings)
    except DftError as error:
        raise problem_of(error) from error
