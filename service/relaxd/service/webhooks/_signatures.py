"""Signatures of webhooks, as Standard Webhooks has them.

A receiver that has given a secret checks by it who has sent a notice, and when. The same notice
may come twice; its `webhook-id`, the id of the job, tells.

```python
import base64, hashlib, hmac, time

def is_genuine(headers, body: bytes, secret: str) -> bool:
    sent_at = headers["webhook-timestamp"]
    content = f"{headers['webhook-id']}.{sent_at}.".encode() + body
    digest = hmac.new(secret.encode(), content, hashlib.sha256).digest()
    expected = "v1," + base64.b64encode(digest).decode()
    is_recent = abs(time.time() - int(sent_at)) < 300
    return is_recent and hmac.compare_digest(expected, headers["webhook-signature"])
```

The libraries for Standard Webhooks do this with a secret `whsec_<base64>`; the bytes that it stands
for are the key then.
"""

import base64
import binascii
import hashlib
import hmac

from relaxd.service.webhooks._addresses import invalid_webhook

PREFIX = "whsec_"
"""Begins a secret whose rest is the key in base64."""


def sign(secret: str, message_id: str, timestamp: int, body: bytes) -> str:
    """Return the signature of a notice.

    It is `v1,` and, in base64, the HMAC-SHA256 of `<id>.<timestamp>.<body>`.

    Args:
        secret: what sender and receiver share.
        message_id: what the header `webhook-id` says.
        timestamp: seconds since the epoch, what the header `webhook-timestamp` says.
        body: of the notice.
    """
    content = f"{message_id}.{timestamp}.".encode() + body
    digest = hmac.new(_key(secret), content, hashlib.sha256).digest()
    return f"v1,{base64.b64encode(digest).decode()}"


def check_secret(secret: str) -> None:
    """Return if notices can be signed with a secret.

    Raises:
        ProblemError: they cannot.
    """
    try:
        is_empty = not _key(secret)
    except (binascii.Error, ValueError) as error:
        raise invalid_webhook(f"What follows {PREFIX} in a secret is base64.") from error
    if is_empty:
        raise invalid_webhook(f"Nothing follows {PREFIX} in the secret.")


def _key(secret: str) -> bytes:
    if not secret.startswith(PREFIX):
        return secret.encode()
    return base64.b64decode(secret.removeprefix(PREFIX), validate=True)
