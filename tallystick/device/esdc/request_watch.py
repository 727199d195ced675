"""Refusals that never reach the device's thread (too large, too slow, queue full) get their line, too (S2-136)."""

from __future__ import annotations

from tallystick.device.esdc.device_log import DeviceLog, Kind
from tallystick.kit.asgi import App, Message, Receive, Scope, Send

_NOTED_BY_THE_DEVICE = frozenset({400, 406})
_SALE = ("/api/v3/invoices", "/api/v3/pin")


def watched(app: App, log: DeviceLog) -> App:
    """The same application; an invoice request that ends in another error than a coded refusal is written down."""

    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "POST":
            await app(scope, receive, send)
            return

        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start":
                _note(log, scope["path"], message["status"])
            await send(message)

        await app(scope, receive, sent)

    return serve


def _note(log: DeviceLog, path: str, status: int) -> None:
    if status < 400 or status in _NOTED_BY_THE_DEVICE or not path.lower().rstrip("/").endswith(_SALE):
        return
    kind = Kind.INTERNAL if status == 500 else Kind.REQUEST
    log.error(kind, f"a request to {'sell' if 'invoices' in path.lower() else 'enter a PIN'} got HTTP {status}")
