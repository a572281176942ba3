"""The calls of the HTTP API as values, and what their answers mean; nothing is sent from here."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import httpx
from pydantic import BaseModel, ValidationError
from pydantic_core import to_json

from relaxd.client._errors import RelaxdError, TransportError, error_from_problem
from relaxd.client._inputs import MoleculeLike, to_wire
from relaxd.client._retry import parse_retry_after
from relaxd.client.schemas import MAX_MOLECULES, ModelList, Problem, RelaxResponse

READY_PATH = "/v1/health/ready"
"""Answers 200 once the server can relax, 503 while it cannot."""

AnswerT = TypeVar("AnswerT", bound=BaseModel)


@dataclass(frozen=True)
class Call(Generic[AnswerT]):
    """One request to the API, with the schema of its answer."""

    answer: type[AnswerT]
    method: str
    path: str
    content: bytes | None = None

    def request(self, http: httpx.Client | httpx.AsyncClient) -> httpx.Request:
        """Return the request to send."""
        headers = {} if self.content is None else {"Content-Type": "application/json"}
        return http.build_request(self.method, self.path, content=self.content, headers=headers)

    def read(self, response: httpx.Response) -> AnswerT:
        """Return what the server answered.

        Raises:
            RelaxdError: the one that the answer's problem document stands for.
            TransportError: the answer is not one that relaxd gives.
        """
        if not response.is_success:
            raise _error(response)
        try:
            return self.answer.model_validate_json(response.content)
        except ValidationError as error:
            raise TransportError(f"{response.url} did not answer as relaxd does") from error


def relax_calls(
    molecules: Sequence[MoleculeLike], model: str | None
) -> Iterator[Call[RelaxResponse]]:
    """Yield the calls that relax all molecules, as many in each as one call may hold."""
    wire = to_wire(molecules)
    for start in range(0, len(wire), MAX_MOLECULES):
        body: dict[str, Any] = {"molecules": wire[start : start + MAX_MOLECULES]}
        if model is not None:
            body["model"] = model
        # NaN is sent as such: the server names the molecule that holds it and answers the others.
        content = to_json(body, inf_nan_mode="constants", fallback=_array_to_list)
        yield Call(RelaxResponse, "POST", "/v1/relax", content)


def models_call() -> Call[ModelList]:
    """Return the call that lists the models."""
    return Call(ModelList, "GET", "/v1/models")


def _array_to_list(value: Any) -> Any:
    if hasattr(value, "tolist"):
        return value.tolist()
    raise TypeError(f"a molecule cannot hold {type(value).__name__}")


def _error(response: httpx.Response) -> RelaxdError:
    try:
        problem = Problem.model_validate_json(response.content)
    except ValidationError:
        title = response.reason_phrase or "HTTP error"
        problem = Problem(title=title, status=response.status_code)
    retry_after = parse_retry_after(response.headers.get("Retry-After"))
    return error_from_problem(problem, retry_after=retry_after)
