"""Where the server is, and what is sent to it with every call."""

import os
from typing import Any

import httpx

from relaxd.client._calls import CONNECT_TIMEOUT

DEFAULT_URL = "http://127.0.0.1:8000"
"""Where `relaxd serve` listens when it is not told otherwise."""

DEFAULT_TIMEOUT = httpx.Timeout(600.0, connect=CONNECT_TIMEOUT)
"""A full batch of molecules beyond the model's domain takes minutes. Unit: s."""


def http_options(
    base_url: str | None, api_key: str | None, timeout: float | httpx.Timeout
) -> dict[str, Any]:
    """Return the keywords that `httpx.Client` and `AsyncClient` share."""
    url = base_url or os.environ.get("RELAXD_URL") or DEFAULT_URL
    key = os.environ.get("RELAXD_API_KEY") if api_key is None else api_key
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    return {"base_url": url, "headers": headers, "timeout": timeout}
