"""The calls of the ERP channel; they come in by the online channel's door, which has judged the certificate."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import ExitStack
from functools import cache

from tallystick.authority.channels.ecr.bodies import check_coding, check_type, expected_bytes
from tallystick.authority.channels.ecr.registering import Registering
from tallystick.authority.channels.ecr.routes import Calls, Handler, OpenHandler, Request
from tallystick.authority.channels.erp import bulk, keys, store
from tallystick.authority.channels.erp.feed import EVENTS, EVENTS_MOST, read_on
from tallystick.authority.channels.erp.patience import settled
from tallystick.authority.channels.erp.services import ErpServices, check_class
from tallystick.authority.channels.erp.webhook_api import WebhookApi
from tallystick.authority.intake.national.values import NationalAnswer, Sender
from tallystick.authority.ledger.entry import Channel
from tallystick.kernel.fault_catalogue import CATALOGUE
from tallystick.kernel.faults import Fault, FieldFault
from tallystick.kit.asgi import Answer, AnswerInParts, Receive, Scope, query_of, read_body
from tallystick.wire.document_jws import DOCUMENT_BYTES_MAX, MEDIA_TYPE, read_signed
from tallystick.wire.ecr_api import write_answer
from tallystick.wire.erp_api import (
    BULK_PATH,
    BULK_TYPE,
    DOCUMENTS_PATH,
    FEED_PATH,
    KEY_HEADER,
    OPENAPI_PATH,
    VERDICTS_TYPE,
    read_cursor,
)
from tallystick.wire.openapi_erp import erp_api
from tallystick.wire.pos_values import encode_json

_MEDIA_TYPE, _BULK_TYPE = MEDIA_TYPE.encode(), BULK_TYPE.encode()
_KEY = KEY_HEADER.lower().encode()


class ErpApi:
    """Documents, bulks and the feed."""

    def __init__(self, services: ErpServices) -> None:
        self._services = services
        self._door = services.door
        self._registering = Registering(services.door)
        self._webhooks = WebhookApi(services)

    @property
    def calls(self) -> Calls:
        """For the online channel's door."""
        return Calls(self.table(), self.open_table())

    def table(self) -> dict[str, Mapping[str, Handler]]:
        """Paths and methods of connections."""
        return {
            DOCUMENTS_PATH: {"POST": self._register},
            BULK_PATH: {"POST": self._bulk},
            FEED_PATH: {"GET": self._feed},
            **self._webhooks.table(),
        }

    def open_table(self) -> dict[str, Mapping[str, OpenHandler]]:
        """Paths for which no certificate is asked."""
        return {OPENAPI_PATH: {"GET": self._describe}}

    async def _describe(self, scope: Scope, receive: Receive) -> Answer:
        return Answer(200, _description())

    async def _register(self, request: Request) -> Answer:
        """201 for a new document, 200 for one that was booked before; a key names it, if one is given."""
        check_class(request.sender)
        headers = request.headers
        size = expected_bytes(headers, DOCUMENT_BYTES_MAX)
        key = keys.read_key([value for name, value in request.scope["headers"] if name == _KEY])
        check_coding(headers)
        check_type(headers, _MEDIA_TYPE)
        with self._door.work.hold(size):
            body = await read_body(request.receive, DOCUMENT_BYTES_MAX, None)
            if not key:
                return await settled(lambda: self._registering.submit(body, request))
            return await self._named(key, body, request)

    async def _named(self, key: str, body: bytes, request: Request) -> Answer:
        """A document with a key: noted first; let go where the document is refused for good."""
        door, uid = self._door, request.sender.uid
        signed, at = read_signed(body), door.clock()
        if signed.header.device != uid:
            raise Fault("TS-1313", detail="the connection is another device's")
        await settled(lambda: door.in_database(lambda conn: keys.take(conn, uid, key, signed, at)))
        try:
            return await settled(lambda: self._registering.submit(body, request))
        except Fault as fault:
            if CATALOGUE[fault.code].http_status < 500:
                await door.in_database(lambda conn: store.let_key_go(conn, uid, key, signed.act_hash))
            raise

    async def _bulk(self, request: Request) -> AnswerInParts:
        """200 with a verdict a line; what is wrong with the bulk itself refuses it whole."""
        check_class(request.sender)
        headers = request.headers
        size = expected_bytes(headers, bulk.BYTES_MAX)
        check_coding(headers)
        check_type(headers, _BULK_TYPE)
        if _KEY in headers:
            raise Fault("TS-3292", detail="a bulk has no key: each of its documents is known by itself")
        with ExitStack() as held:
            held.enter_context(self._services.one_bulk(request.sender))
            held.enter_context(self._services.work.hold(size))
            lines = bulk.read_lines(await read_body(request.receive, bulk.BYTES_MAX, None))
            return AnswerInParts(200, self._judged(lines, request.sender, held.pop_all()), VERDICTS_TYPE)

    async def _judged(self, lines: list[bytes], sender: Sender, held: ExitStack) -> AsyncIterator[bytes]:
        door = self._door

        def submit_all(documents: Sequence[bytes]) -> AsyncGenerator[NationalAnswer | Fault]:
            return door.intake.submit_all(documents, sender=sender, clock=door.clock, channel=Channel.ERP)

        with held:
            async for verdict in bulk.verdicts(lines, submit_all, door.answers.of_booking):
                yield verdict

    async def _feed(self, request: Request) -> Answer:
        """Events behind a cursor."""
        check_class(request.sender)
        after, limit = _page(request.scope)
        uid, door = request.sender.uid, self._door
        cursor = read_cursor(after, uid)
        page = await door.in_database(lambda conn: read_on(conn, door.answers, uid, cursor, limit, queue=door.queue))
        return Answer(200, write_answer(page))


def _page(scope: Scope) -> tuple[str, int]:
    """Cursor and size of the page in the query; raises ``TS-1220`` and, for what is no cursor, ``TS-3293``."""
    said = query_of(scope)
    afters, limits = said.get("after", [""]), said.get("limit", [str(EVENTS)])
    if len(afters) != 1:
        raise Fault("TS-3293", detail="one cursor is taken", fields=(FieldFault("/after", "5"),))
    limit = limits[0]
    if len(limits) != 1 or not limit.isascii() or not limit.isdigit() or len(limit) > 4 or int(limit) < 1:
        raise Fault("TS-1220", detail="a limit is a number from 1 on", fields=(FieldFault("/limit", "5"),))
    return afters[0], min(int(limit), EVENTS_MOST)


@cache
def _description() -> bytes:
    return encode_json(erp_api())
