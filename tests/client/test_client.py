"""Both clients, against a server that is a function."""

import asyncio
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from relaxd.client import (
    AsyncClient,
    Client,
    InputError,
    InternalError,
    LimitError,
    Molecule,
    RelaxdError,
    ResourceError,
    Result,
    RetryPolicy,
    TransportError,
)

from .conftest import AT_ONCE, FakeServer

BUSY = "urn:relaxd:error:limit:busy"


def test_order_is_kept_over_several_calls(connect: Any, server: FakeServer) -> None:
    smiles = ["C" * (1 + i % 7) + "O" * i for i in range(600)]
    results = connect(server).relax(smiles)
    assert [result.id for result in results] == smiles
    assert [len(body["molecules"]) for body in server.bodies] == [256, 256, 88]


def test_no_molecule_is_no_call(connect: Any, server: FakeServer) -> None:
    assert connect(server).relax([]) == []
    assert server.requests == []


def test_options_are_sent_only_if_given(connect: Any, server: FakeServer) -> None:
    client = connect(server)
    client.relax(["C"])
    client.relax(["C"], model="relaxd-small", trajectory=True)
    client.relax(["C"], conformers=30, keep=3)
    assert server.bodies == [
        {"molecules": ["C"]},
        {"molecules": ["C"], "model": "relaxd-small", "trajectory": True},
        {"molecules": ["C"], "conformers": 30, "keep": 3},
    ]


def test_conformers_are_asked_for_in_calls_that_a_server_takes(
    connect: Any, server: FakeServer
) -> None:
    smiles = ["C" * n for n in range(1, 8)]
    results = connect(server).relax(smiles, conformers=200)
    assert [result.id for result in results] == smiles
    assert [len(body["molecules"]) for body in server.bodies] == [2, 2, 2, 1]


def test_address_and_key(connect: Any, server: FakeServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RELAXD_API_KEY", raising=False)
    monkeypatch.setenv("RELAXD_URL", "http://from.environment:1")
    connect(server).relax(["C"])
    monkeypatch.setenv("RELAXD_API_KEY", "from-environment")
    connect(server).relax(["C"])
    connect(server, base_url="http://from.argument:2/", api_key="secret").relax(["C"])
    assert [str(request.url) for request in server.requests] == [
        "http://from.environment:1/v1/relax",
        "http://from.environment:1/v1/relax",
        "http://from.argument:2/v1/relax",
    ]
    keys = [request.headers.get("Authorization") for request in server.requests]
    assert keys == [None, "Bearer from-environment", "Bearer secret"]


@pytest.mark.parametrize("one", ["CCO", Molecule(smiles="CCO"), {"smiles": "CCO"}])
def test_one_molecule_is_not_a_sequence(connect: Any, server: FakeServer, one: Any) -> None:
    with pytest.raises(TypeError, match="put it into a list"):
        connect(server).relax(one)


@pytest.mark.parametrize(
    ("status", "type_", "kind"),
    [
        (422, "urn:relaxd:error:input:empty-list", InputError),
        (413, "urn:relaxd:error:limit:body-too-large", LimitError),
        (503, "urn:relaxd:error:resource:draining", ResourceError),
        (500, "urn:relaxd:error:internal:fault", InternalError),
        (401, "urn:relaxd:error:input:unauthorized", InputError),
        (403, "about:blank", InputError),
        (404, "about:blank", InputError),
        (502, "about:blank", ResourceError),
    ],
)
def test_problem_becomes_its_error(
    connect: Any,
    server: FakeServer,
    problem: Callable[..., httpx.Response],
    status: int,
    type_: str,
    kind: type[RelaxdError],
) -> None:
    server.first_answers = [problem(status, type_) for _ in range(AT_ONCE.attempts)]
    with pytest.raises(kind, match="Detail") as caught:
        connect(server).relax(["C"])
    assert caught.value.type == type_
    assert caught.value.status == status


def test_page_of_a_proxy_is_an_error(connect: Any, server: FakeServer) -> None:
    server.first_answers = [httpx.Response(500, text="<html>")]
    with pytest.raises(InternalError, match="Internal Server Error"):
        connect(server).relax(["C"])


def test_answer_of_another_server_is_an_error(connect: Any, server: FakeServer) -> None:
    server.first_answers = [httpx.Response(200, json={"hello": "world"})]
    with pytest.raises(TransportError, match="did not answer as relaxd does"):
        connect(server).relax(["C"])
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    "fault",
    [
        lambda: httpx.ConnectError("refused"),
        lambda: httpx.RemoteProtocolError("cut off"),
        lambda: httpx.Response(503, text=""),
    ],
)
def test_trouble_that_passes_is_not_seen(connect: Any, server: FakeServer, fault: Any) -> None:
    server.first_answers = [fault(), fault()]
    assert connect(server).relax(["C"]) == [Result(id="C", status="ok")]
    assert len(server.requests) == 3


def test_attempts_end(connect: Any, server: FakeServer) -> None:
    server.first_answers = [httpx.ConnectError("refused")] * 9
    with pytest.raises(TransportError, match="refused"):
        connect(server).relax(["C"])
    assert len(server.requests) == AT_ONCE.attempts


def test_timeout_of_an_answer_is_not_asked_again(connect: Any, server: FakeServer) -> None:
    server.first_answers = [httpx.ReadTimeout("slow")]
    with pytest.raises(TransportError, match="slow"):
        connect(server).relax(["C"])
    assert len(server.requests) == 1


def test_wait_too_long_is_raised_at_once(
    connect: Any, server: FakeServer, problem: Callable[..., httpx.Response]
) -> None:
    server.first_answers = [problem(429, BUSY, **{"Retry-After": "3600"})]
    with pytest.raises(LimitError) as caught:
        connect(server, retry=RetryPolicy(max_wait=10.0)).relax(["C"])
    assert caught.value.retry_after == 3600
    assert len(server.requests) == 1


def test_failed_molecule_is_returned_and_raises_on_demand(connect: Any) -> None:
    error = {"type": "urn:relaxd:error:input:x", "title": "X", "status": 422}
    answer = {"model": "m", "results": [{"status": "ok"}, {"status": "error", "error": error}]}
    good, bad = connect(lambda _: httpx.Response(200, json=answer)).relax(["C", "?"])
    assert good.raise_for_status() is good
    with pytest.raises(InputError, match="X"):
        bad.raise_for_status()


def test_models(connect: Any) -> None:
    info = {
        "name": "small",
        "sha256": "0" * 64,
        "level_of_theory": "B3LYP",
        "elements": [1, 6],
        "max_atoms": 29,
        "n_parameters": 1,
        "accuracy": {"rmsd_median_angstrom": 0.03},
    }
    answer = {"default": "small", "models": [info], "a_field_of_tomorrow": 1}
    (model,) = connect(lambda _: httpx.Response(200, json=answer)).models()
    assert model.model_dump() == info


@pytest.mark.parametrize(("status", "ready"), [(200, True), (503, False)])
def test_ready(connect: Any, status: int, ready: bool) -> None:
    assert connect(lambda _: httpx.Response(status)).ready() is ready


def test_unreachable_is_not_ready(connect: Any, server: FakeServer) -> None:
    server.first_answers = [httpx.ConnectError("refused")]
    assert connect(server).ready() is False
    assert len(server.requests) == 1


def test_context_managers(server: FakeServer) -> None:
    with Client(transport=httpx.MockTransport(server)) as client:
        assert len(client.relax(["C"])) == 1

    async def main() -> int:
        async with AsyncClient(transport=httpx.MockTransport(server)) as client:
            return len(await client.relax(["C"]))

    assert asyncio.run(main()) == 1
