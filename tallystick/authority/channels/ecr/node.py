"""The calls of a taxpayer's server node (S1-015 to S1-019): the same deeds as the channel's own, under S1's names."""

from __future__ import annotations

import re
from collections.abc import Mapping

from tallystick.authority.channels.ecr.bodies import check_coding, check_type, expected_bytes
from tallystick.authority.channels.ecr.own import own_entry, own_number
from tallystick.authority.channels.ecr.ports import Queued, QueueStatus
from tallystick.authority.channels.ecr.registering import Registering, wants_qr
from tallystick.authority.channels.ecr.registers import BODY_BYTES_MAX, present, read_presentation
from tallystick.authority.channels.ecr.routes import Handler, Request
from tallystick.authority.channels.ecr.services import EcrServices
from tallystick.kernel.faults import Fault, FieldFault
from tallystick.kernel.identifiers import UINT32_MAX
from tallystick.kernel.instants import unix_ms
from tallystick.kernel.national_document import DocumentKind
from tallystick.kit.address_budget import source_of
from tallystick.kit.asgi import Answer, Receive, Scope, query_of, read_body
from tallystick.kit.in_thread import in_thread
from tallystick.wire.document_jws import DOCUMENT_BYTES_MAX, MEDIA_TYPE, read_signed, write_time
from tallystick.wire.ecr_api import NODE_PREFIX, QueueItem, QueuePage, write_answer
from tallystick.wire.national_document import read_document
from tallystick.wire.receipt_code import CODE_CHARACTERS

PAGE = 100
_NOT_KEPT = ((b"cache-control", b"no-store"),)
_MEDIA_TYPE = MEDIA_TYPE.encode()
_CURSOR = re.compile(r"[0-9]{1,10}", re.ASCII)


class NodeApi:
    """The node's calls."""

    def __init__(self, services: EcrServices, registering: Registering) -> None:
        self._services = services
        self._registering = registering

    def table(self) -> dict[str, Mapping[str, Handler]]:
        """Paths and methods."""
        return {
            f"{NODE_PREFIX}documents": {"POST": self._registering.register},
            f"{NODE_PREFIX}queue": {"GET": self._queue},
            f"{NODE_PREFIX}queue/*": {"GET": self._queued},
            f"{NODE_PREFIX}receipts/*": {"GET": self._receipt},
            f"{NODE_PREFIX}closures": {"POST": self._close},
        }

    async def _queue(self, request: Request) -> Answer:
        """How the device's documents stand on their way to the tax service, a page at a time (S1-016)."""
        queue, uid, after = self._in_service(), request.sender.uid, cursor_of(request.scope)
        found = await self._services.in_database(lambda conn: queue.own(conn, uid, after=after, limit=PAGE))
        items = tuple(_item(uid, one) for one in found)
        last = items[-1].sequence if len(items) == PAGE else ""
        return Answer(200, write_answer(QueuePage(after=last, items=items)))

    async def _queued(self, request: Request) -> Answer:
        """One document by its number; 404 for what is not the device's own, or not in the ledger."""
        queue, number = self._in_service(), own_number(request.tail, request.sender)
        found = await self._services.in_database(lambda conn: queue.one(conn, number.signed_by, number.ordinal))
        if found is None:
            raise Fault("TS-4003", detail="no such document of this device")
        return Answer(200, write_answer(_item(number.signed_by, found)))

    def _in_service(self) -> QueueStatus:
        if self._services.queue is None:
            raise Fault("TS-3240", detail="this operator runs no queue to a tax service", retry_after_seconds=3600)
        return self._services.queue

    async def _receipt(self, request: Request) -> Answer:
        """Verify a receipt (S1-017): anybody's by the code that its QR carries, one's own by its number as well."""
        services, text = self._services, request.tail
        if len(text) == CODE_CHARACTERS:
            return Answer(200, await in_thread(lambda: services.receipts(text), services.database_answer_seconds))
        number = own_number(text, request.sender)
        entry = await own_entry(services, number)
        url = services.answers.url_of(entry)
        if not url:
            return Answer(200, services.answers.of_entry(entry, qr=wants_qr(request.scope)))
        code = url.rpartition("/")[2]
        return Answer(200, await in_thread(lambda: services.receipts(code), services.database_answer_seconds))

    async def present(self, scope: Scope, receive: Receive) -> Answer:
        """A register that nobody entered presents itself (S1-018): 202 while a person has to look at it."""
        services, headers = self._services, dict(scope["headers"])
        came_from, at = source_of(str((scope.get("client") or ("",))[0])), services.clock()
        services.strangers.spend(came_from)
        size = expected_bytes(headers, BODY_BYTES_MAX)
        check_coding(headers)
        check_type(headers, b"application/json")
        asked = read_presentation(await read_body(receive, BODY_BYTES_MAX, None))
        with services.strangers_work.hold(size):
            told, waits = await services.in_database(
                lambda conn: present(conn, services.connecting, asked, came_from, at)
            )
        return Answer(202 if waits else 200, write_answer(told), headers=_NOT_KEPT)

    async def _close(self, request: Request) -> Answer:
        """The fiscal memory is closed for good (S1-019): the closure document, and nothing else, comes here."""
        headers = request.headers
        size = expected_bytes(headers, DOCUMENT_BYTES_MAX)
        check_coding(headers)
        check_type(headers, _MEDIA_TYPE)
        with self._services.work.hold(size):
            body = await read_body(request.receive, DOCUMENT_BYTES_MAX, None)
            if read_document(read_signed(body).payload).kind is not DocumentKind.CLOSURE:
                fields = (FieldFault("/kind", "5"),)
                raise Fault("TS-1220", detail="this path takes the closure of a memory", fields=fields)
            return await self._registering.submit(body, request)


def cursor_of(scope: Scope) -> int:
    """The cursor in the query; raises ``TS-1220``."""
    texts = query_of(scope).get("after", ["0"])
    if len(texts) != 1 or _CURSOR.fullmatch(texts[0]) is None or int(texts[0]) > UINT32_MAX:
        raise Fault("TS-1220", detail="a cursor is a number", fields=(FieldFault("/after", "5"),))
    return int(texts[0])


def _item(uid: str, one: Queued) -> QueueItem:
    return QueueItem(
        at="" if one.at is None else write_time(unix_ms(one.at)),
        code=one.code,
        index=str(one.log_index),
        number=f"{uid}-{uid}-{one.ordinal}",
        reason=one.reason,
        sequence=str(one.sequence),
        state=str(one.state),
    )
