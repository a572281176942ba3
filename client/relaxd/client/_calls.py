"""The calls of the HTTP API as values, and what their answers mean; nothing is sent from here."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

import httpx
from pydantic import BaseModel, ValidationError

from relaxd.client._bodies import Body, molecule_json
from relaxd.client._errors import RelaxdError, TransportError, error_from_problem
from relaxd.client._inputs import MoleculeLike, to_wire
from relaxd.client._retry import parse_retry_after
from relaxd.client.schemas import (
    MAX_MOLECULES,
    ModelList,
    Problem,
    RelaxRequest,
    RelaxResponse,
)

READY_PATH = "/v1/health/ready"
"""Answers 200 once the server can relax, 503 while it cannot."""

MAX_GEOMETRIES = 512
"""Geometries to relax that are asked for in one call: half of what a server takes at once, unless
it is set otherwise."""

CONNECT_TIMEOUT = 10.0
"""How long to wait for a connection. Unit: s."""

AnswerT_co = TypeVar("AnswerT_co", covariant=True)
ModelT = TypeVar("ModelT", bound=BaseModel)


@dataclass(frozen=True)
class Call(Generic[AnswerT_co]):
    """One request to the API.

    Attributes:
        read: returns what the server answered, from a response whose content is there, and raises
            RelaxdError for a refusal and TransportError for an answer that relaxd does not give.
    """

    read: Callable[[httpx.Response], AnswerT_co]
    method: str
    path: str
    content: bytes | Body | None = None
    params: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)

    def request(
        self, http: httpx.Client | httpx.AsyncClient, timeout: float | None = None
    ) -> httpx.Request:
        """Return the request to send.

        Args:
            http: what will send it.
            timeout: how long each part of the answer may take, in seconds; as `http` has it if
                not given.
        """
        request = http.build_request(
            self.method,
            self.path,
            content=_content(self.content, http),
            params=self.params,
            headers={**_content_headers(self.content), **self.headers},
        )
        if timeout is not None:
            limits = httpx.Timeout(timeout, connect=min(timeout, CONNECT_TIMEOUT))
            request.extensions["timeout"] = limits.as_dict()
        return request

    @property
    def repeatable(self) -> bool:
        """Whether its body, if it has one, can be sent once more."""
        return not isinstance(self.content, Body) or self.content.repeatable


def check(response: httpx.Response) -> None:
    """Check that an answer is no refusal.

    Raises:
        RelaxdError: the one that the answer's problem document stands for.
    """
    if not response.is_success:
        raise _error(response)


def read_as(schema: type[ModelT]) -> Callable[[httpx.Response], ModelT]:
    """Return what reads the answers of a schema; see `Call.read`."""

    def read(response: httpx.Response) -> ModelT:
        check(response)
        try:
            return schema.model_validate_json(response.content)
        except ValidationError as error:
            raise foreign_answer(response) from error

    return read


def foreign_answer(response: httpx.Response) -> TransportError:
    """Return the error that an answer stands for that relaxd does not give."""
    return TransportError(f"{response.url} did not answer as relaxd does")


def relax_calls(
    molecules: Sequence[MoleculeLike],
    *,
    model: str | None,
    trajectory: bool,
    conformers: int,
    keep: int,
) -> Iterator[Call[RelaxResponse]]:
    """Yield the calls that relax all molecules, as many in each as one call may hold."""
    wire = to_wire(molecules)
    asked = relax_options(model=model, trajectory=trajectory, conformers=conformers, keep=keep)
    at_once = max(1, min(MAX_MOLECULES, MAX_GEOMETRIES // max(1, conformers)))
    for start in range(0, len(wire), at_once):
        body = {"molecules": wire[start : start + at_once], **asked}
        yield Call(read_as(RelaxResponse), "POST", "/v1/relax", molecule_json(body))


def relax_options(
    *, model: str | None, trajectory: bool, conformers: int, keep: int
) -> dict[str, Any]:
    """Return what is asked of a relaxation; servers before an option refuse to be told of it."""
    options = {"model": model, "trajectory": trajectory, "conformers": conformers, "keep": keep}
    defaults = RelaxRequest.model_fields
    return {name: value for name, value in options.items() if value != defaults[name].default}


def models_call() -> Call[ModelList]:
    """Return the call that lists the models."""
    return Call(read_as(ModelList), "GET", "/v1/models")


def _content(content: bytes | Body | None, http: httpx.Client | httpx.AsyncClient) -> Any:
    if not isinstance(content, Body):
        return content
    return content.pieces() if isinstance(http, httpx.Client) else content.async_pieces()


def _content_headers(content: bytes | Body | None) -> dict[str, str]:
    if content is None:
        return {}
    if not isinstance(content, Body):
        return {"Content-Type": "application/json"}
    length = {} if content.size is None else {"Content-Length": str(content.size)}
    return {"Content-Type": content.media_type, **length}


def _error(response: httpx.Response) -> RelaxdError:
    try:
        problem = Problem.model_validate_json(response.content)
    except ValidationError:
        title = response.reason_phrase or "HTTP error"
        problem = Problem(title=title, status=response.status_code)
    retry_after = parse_retry_after(response.headers.get("Retry-After"))
    return error_from_problem(problem, retry_after=retry_after)
