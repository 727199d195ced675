"""The calls by which a connection keeps its webhooks."""

from __future__ import annotations

from collections.abc import Mapping

from tallystick.authority.channels.ecr.bodies import check_coding, check_type, expected_bytes
from tallystick.authority.channels.ecr.routes import Handler, Request
from tallystick.authority.channels.erp import store, webhooks
from tallystick.authority.channels.erp.services import ErpServices, check_class
from tallystick.authority.channels.erp.webhooks import BODY_BYTES_MAX, as_told
from tallystick.kernel.faults import Fault
from tallystick.kit.asgi import Answer, read_body
from tallystick.wire.ecr_api import write_answer
from tallystick.wire.erp_api import RESUME, WEBHOOKS_PATH, WebhookList

_NOT_KEPT = ((b"cache-control", b"no-store"),)
_NUMBER_DIGITS = 18


class WebhookApi:
    """Register, look, remove, resume."""

    def __init__(self, services: ErpServices) -> None:
        self._services = services

    def table(self) -> dict[str, Mapping[str, Handler]]:
        """Paths and methods."""
        return {
            WEBHOOKS_PATH: {"GET": self._list, "POST": self._register},
            f"{WEBHOOKS_PATH}/*": {"DELETE": self._remove},
            f"{WEBHOOKS_PATH}/*/{RESUME}": {"POST": self._resume},
        }

    async def _register(self, request: Request) -> Answer:
        sender, services = request.sender, self._services
        check_class(sender)
        check_coding(request.headers)
        check_type(request.headers, b"application/json")
        expected_bytes(request.headers, BODY_BYTES_MAX)
        body, at = await read_body(request.receive, BODY_BYTES_MAX, None), services.door.clock()
        made = await services.door.in_database(lambda conn: services.webhooks.register(conn, sender, body, at))
        return Answer(201, write_answer(made), headers=_NOT_KEPT)

    async def _list(self, request: Request) -> Answer:
        uid = request.sender.uid
        check_class(request.sender)
        found = await self._services.door.in_database(lambda conn: store.webhooks(conn, uid))
        return Answer(200, write_answer(WebhookList(webhooks=tuple(map(webhooks.as_told, found)))))

    async def _remove(self, request: Request) -> Answer:
        uid, number = request.sender.uid, _number(request)
        if not await self._services.door.in_database(lambda conn: store.remove_webhook(conn, uid, number)):
            raise _unknown()
        return Answer(204)

    async def _resume(self, request: Request) -> Answer:
        sender, number, door = request.sender, _number(request), self._services.door
        at = door.clock()
        found = await door.in_database(
            lambda conn: store.resume_webhook(conn, sender.uid, number, sender.certificate_hash, at)
        )
        if found is None:
            raise _unknown()
        return Answer(200, write_answer(as_told(found)))


def _number(request: Request) -> int:
    check_class(request.sender)
    text = request.tail
    if not text.isascii() or not text.isdigit() or len(text) > _NUMBER_DIGITS:
        raise _unknown()
    return int(text)


def _unknown() -> Fault:
    return Fault("TS-4003", detail="no such webhook of this connection")
