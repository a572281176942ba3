"""RFC 9457 problem documents: one exception, and the handlers that turn every fault into one."""

import logging
from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from relaxd.client.schemas import FieldFault, Problem

logger = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"

STATUS = {"input": 422, "limit": 413, "resource": 503, "convergence": 422, "internal": 500}
"""The categories, and the status that a problem of each has unless it says otherwise."""

RETRY_AFTER = {"Retry-After": "1"}
"""Requests take about a second; the clients' own backoff grows from there."""

SPELLING = {name.lower(): name for name in ("IUPAC", "QCSchema", "SDF", "SMILES", "XYZ")}
"""Names in codes, as a title spells them."""

CODES = {
    404: ("input", "not-found"),
    405: ("input", "method-not-allowed"),
    400: ("input", "malformed-body"),
}
"""Faults that the framework raises by status alone, and their category and code."""


class ProblemError(HTTPException):
    """A fault of one molecule, or of a whole request, as the problem document it is.

    An `HTTPException`, because FastAPI lets only these pass while it reads a body.
    """

    def __init__(
        self,
        category: str,
        code: str,
        detail: str,
        *,
        status: int | None = None,
        headers: Mapping[str, str] | None = None,
        errors: Sequence[FieldFault] = (),
    ) -> None:
        self.problem = Problem(
            type=f"urn:relaxd:error:{category}:{code}",
            title=_title(code),
            status=status or STATUS[category],
            detail=detail,
            errors=list(errors) or None,
        )
        super().__init__(self.problem.status, detail, headers)


def field_faults(errors: Sequence[Any], *, skip: int = 0) -> list[FieldFault]:
    """Return pydantic's errors as JSON Pointers and messages.

    Args:
        errors: what `ValidationError.errors()` returns.
        skip: leading parts of each location to leave out.
    """
    return [
        FieldFault(path="".join(f"/{part}" for part in e["loc"][skip:]), message=e["msg"])
        for e in errors
    ]


def _title(code: str) -> str:
    """Return a code in words: `unparsable-smiles` is "Unparsable SMILES"."""
    words = code.capitalize().split("-")
    return " ".join(SPELLING.get(word, word) for word in words)


def add_problem_handlers(app: FastAPI) -> None:
    """Make the application answer every fault with a problem document."""
    app.add_exception_handler(HTTPException, _on_http_exception)
    app.add_exception_handler(RequestValidationError, _on_invalid_request)
    app.add_exception_handler(Exception, _on_unforeseen)


async def _on_http_exception(request: Request, error: Exception) -> JSONResponse:
    if isinstance(error, ProblemError):
        return respond(request, error)
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for this type only
    category, code = CODES.get(error.status_code, ("internal", "fault"))
    detail = f"{request.method} {request.url.path}: {error.detail}."
    fault = ProblemError(category, code, detail, status=error.status_code, headers=error.headers)
    return respond(request, fault)


async def _on_invalid_request(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - registered for this type only
    first = error.errors()[0]
    faults = field_faults(error.errors(), skip=1)
    if first["type"] == "json_invalid":
        fault = ProblemError("input", "malformed-body", "The body is not JSON.", status=400)
    elif first["type"] == "too_short" and first["loc"] == ("body", "molecules"):
        fault = ProblemError("input", "empty-list", "The request holds no molecules.")
    else:
        fault = ProblemError("input", "invalid-request", first["msg"] + ".", errors=faults)
    return respond(request, fault)


async def _on_unforeseen(request: Request, error: Exception) -> JSONResponse:
    # The answer to an unforeseen fault is made where the id of the request is no longer known.
    request_id = request.scope["request_id"]
    logger.error("request %s failed", request_id, exc_info=error, extra={"request_id": request_id})
    return respond(request, ProblemError("internal", "fault", "The server failed; it is logged."))


def respond(request: Request, error: ProblemError) -> JSONResponse:
    """Answer a request with a problem document."""
    # Also here, because the answer to an unforeseen fault passes no middleware on its way out.
    request_id = request.scope["request_id"]
    request.scope["problem"] = error.problem.type
    problem = error.problem.model_copy(update={"instance": f"urn:relaxd:request:{request_id}"})
    headers = {"X-Request-Id": request_id, **(error.headers or {})}
    content = problem.model_dump(exclude_none=True)
    return JSONResponse(content, problem.status, headers, MEDIA_TYPE)
