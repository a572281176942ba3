"""Servers made of a function, and results to answer with."""

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from relaxd.client import Result, RetryPolicy
from relaxd.client.schemas import RelaxResponse

WATER_SDF = """water
     test          3D

  3  2  0  0  0  0  0  0  0  0999 V2000
    0.0000    0.0000    0.1190 O   0  0  0  0  0  0  0  0  0  0  0  0
    0.0000    0.7630   -0.4770 H   0  0  0  0  0  0  0  0  0  0  0  0
    0.0000   -0.7630   -0.4770 H   0  0  0  0  0  0  0  0  0  0  0  0
  1  2  1  0
  1  3  1  0
M  END
"""

AT_ONCE = RetryPolicy(attempts=3, initial_wait=0.0)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def water() -> Result:
    return Result(
        id="water",
        status="ok",
        atomic_numbers=[8, 1, 1],
        positions=[(0.0, 0.0, 0.119), (0.0, 0.763, -0.477), (0.0, -0.763, -0.477)],
        charge=0,
        multiplicity=1,
        sdf=WATER_SDF,
    )


class FakeServer:
    """Answers each molecule with a result that carries its SMILES as id; keeps the requests."""

    def __init__(self) -> None:
        self.requests: list[httpx.Request] = []
        self.bodies: list[dict[str, Any]] = []
        self.first_answers: list[httpx.Response | Exception] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        if self.first_answers:
            answer = self.first_answers.pop(0)
            if isinstance(answer, Exception):
                raise answer
            return answer
        return self.answer(request)

    def answer(self, request: httpx.Request) -> httpx.Response:
        self.bodies.append(json.loads(request.content))
        results = [Result(id=str(m), status="ok") for m in self.bodies[-1]["molecules"]]
        response = RelaxResponse(model="test", results=results)
        return httpx.Response(200, text=response.model_dump_json())


@pytest.fixture
def server() -> FakeServer:
    return FakeServer()


@pytest.fixture
def problem() -> Callable[..., httpx.Response]:
    def make(status: int, type_: str, **headers: str) -> httpx.Response:
        document = {"type": type_, "title": "Title", "status": status, "detail": "Detail."}
        return httpx.Response(status, json=document, headers=headers)

    return make
