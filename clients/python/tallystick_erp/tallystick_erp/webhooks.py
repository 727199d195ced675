"""Checks what a webhook brings: whose it is, that it is fresh, and that nobody has changed it."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from tallystick_erp.faults import ErpError

TOLERANCE = timedelta(minutes=5)
_DIGITS_MOST = 12


class NotGenuine(ErpError):
    """Not from the operator, or too old: answer with 400, and do nothing."""


def verify(secret: str, headers: Mapping[str, str], body: bytes, now: datetime) -> list[dict[str, Any]]:
    """The events of a message; raises `NotGenuine`.

    ``secret`` is what registration gave (``whsec_...``), ``body`` the bytes as they came. The same message may come
    again, with the same ``Webhook-Id`` and the same events.
    """
    said = {name.lower(): value for name, value in headers.items()}
    message, at = said.get("webhook-id", ""), said.get("webhook-timestamp", "")
    if (
        not at.isascii()
        or not at.isdigit()
        or len(at) > _DIGITS_MOST
        or abs(now.timestamp() - int(at)) > TOLERANCE.total_seconds()
    ):
        raise NotGenuine("too old, or from the future")
    key = base64.b64decode(secret.removeprefix("whsec_"))
    made = base64.b64encode(hmac.digest(key, f"{message}.{at}.".encode() + body, hashlib.sha256)).decode()
    given = said.get("webhook-signature", "").split()
    if not any(hmac.compare_digest(f"v1,{made}".encode(), one.encode()) for one in given):
        raise NotGenuine("the signature is not the operator's")
    events: list[dict[str, Any]] = json.loads(body)["events"]
    return events
