"""Addresses that webhooks may go to, and those that they may not."""

import contextlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relaxd.service._problems import ProblemError
from relaxd.service.webhooks._addresses import SystemResolver, check_url, is_public

PUBLIC = "93.184.215.14"
REFUSING: dict[str, Any] = {"allow_private": False}


@pytest.mark.anyio
async def test_the_system_knows_localhost() -> None:
    assert set(await SystemResolver()("localhost", 80)) <= {"127.0.0.1", "::1"}


@pytest.mark.parametrize(
    "address",
    [
        *("0.0.0.0", "10.1.2.3", "100.64.0.1", "127.0.0.1", "169.254.169.254", "172.16.0.1"),  # noqa: S104
        *("192.168.1.1", "198.18.0.1", "203.0.113.1", "224.0.0.1", "240.0.0.1", "255.255.255.255"),
        *("::", "::1", "::127.0.0.1", "::ffff:127.0.0.1", "::ffff:7f00:1", "64:ff9b::7f00:1"),
        *("2002:7f00:1::", "2001:0:7f00:1::", "fc00::1", "fe80::1", "fe80::1%eth0", "fec0::1"),
        *("ff02::1", "2001:db8::1"),
    ],
)
def test_addresses_that_are_not_public(address: str) -> None:
    assert not is_public(address)
    with pytest.raises(ProblemError):
        check_url(f"https://[{address}]/" if ":" in address else f"https://{address}/", **REFUSING)


@pytest.mark.parametrize("address", [PUBLIC, "1.1.1.1", "2606:4700::1111", "::ffff:1.1.1.1"])
def test_public_addresses(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "url",
    [
        *("http://localhost/", "http://LOCALHOST./", "http://a.localhost", "http://receiver:80/"),
        *("http://printer.local/", "http://metadata.google.internal/", "http://2130706433/"),
        *("http://127.1/", "http://0x7f.0.0.1/", "http://0177.0.0.1/", "http://0/"),
        *("https://user:password@example.org/", "https://user@example.org/", "https://:@a.org/"),
        *("ftp://example.org/", "file:///etc/passwd", "https://", "https:///path", "", "nothing"),
        *(
            "https://exa mple.org/",
            "https://example.org:99999/",
            "https://a.org:0/",
            "https://a_b%2f.org",
            "https://[::1/",
            "http://a\n.org",
        ),
    ],
)
def test_urls_that_are_refused(url: str) -> None:
    with pytest.raises(ProblemError) as caught:
        check_url(url, allow_private=False)
    assert caught.value.problem.type == "urn:relaxd:error:input:invalid-webhook"
    assert caught.value.status_code == 422


@pytest.mark.parametrize(
    "url",
    [
        "https://receiver.example:8443/hook?job=1",
        "http://example.org",
        "https://bücher.example/",
        "https://1.1.1.1:444/a?b=c#d",
    ],
)
def test_urls_that_are_accepted(url: str) -> None:
    check_url(url, allow_private=False)


def test_private_urls_are_accepted_where_they_are_allowed() -> None:
    for url in ("http://127.0.0.1:9/", "http://receiver/", "http://[::1]/"):
        check_url(url, allow_private=True)


@given(st.text(max_size=30))
def test_any_text_is_accepted_or_refused(text: str) -> None:
    for url in (text, f"https://{text}", f"https://[{text}]/", f"http://a.example:{text}/"):
        with contextlib.suppress(ProblemError):
            check_url(url, allow_private=False)
