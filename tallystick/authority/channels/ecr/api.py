"""The HTTP door: a document comes in as a compact JWS, its place in the ledger goes out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache

from tallystick.authority.channels.ecr import deliveries, metrics, store
from tallystick.authority.channels.ecr.batches.api import BatchApi
from tallystick.authority.channels.ecr.batches.presence import Presence
from tallystick.authority.channels.ecr.bodies import check_coding, check_type, expected_bytes
from tallystick.authority.channels.ecr.commands import CommandsApi
from tallystick.authority.channels.ecr.node import NodeApi
from tallystick.authority.channels.ecr.own import own_entry, own_number
from tallystick.authority.channels.ecr.registering import Registering, wants_qr
from tallystick.authority.channels.ecr.routes import NO_CALLS, Calls, Handler, OpenHandler, Request, Routes
from tallystick.authority.channels.ecr.services import EcrServices
from tallystick.authority.channels.ecr.standing import device_stands
from tallystick.authority.intake.national.values import Sender
from tallystick.authority.problems import MethodUnknown, Problems
from tallystick.authority.room_queries import Connection
from tallystick.kernel.faults import Fault
from tallystick.kit.asgi import (
    Answer,
    AnswerInParts,
    App,
    Receive,
    Scope,
    Send,
    allowed,
    guarded,
    plain_method,
    read_body,
    respond,
    respond_in_parts,
)
from tallystick.kit.http_server import Refusal
from tallystick.wire.checkpoint_header import CHECKPOINT_HEADER, HEADER_BYTES_MAX
from tallystick.wire.ecr_api import (
    COMMANDS_HEADER,
    DELIVERIES,
    DEVICE_PATH,
    DOCUMENTS_PATH,
    NODE_PREFIX,
    write_answer,
    write_deliveries,
)
from tallystick.wire.openapi_ecr import ecr_api
from tallystick.wire.pos_values import encode_json

OPENAPI_PATH = "/openapi.json"
_CHECKPOINT = CHECKPOINT_HEADER.lower().encode()
_COMMANDS = COMMANDS_HEADER.lower().encode()


class EcrApi:
    """The channel's own calls over its services, and those of a channel that comes in by the same door."""

    def __init__(self, services: EcrServices, more: Calls = NO_CALLS) -> None:
        self._services = services
        self._registering = Registering(services)
        self._node = NodeApi(services, self._registering)
        self._commands = CommandsApi(services)
        self._batches = BatchApi(services)
        self._presence = Presence(services)
        self._checkpoint: tuple[str, tuple[tuple[bytes, bytes], ...]] = ("", ())
        self._open = {**self.open_table(), **more.open_table}
        self.routes = Routes({**self.table(), **more.table})

    def open_table(self) -> dict[str, Mapping[str, OpenHandler]]:
        """Paths for which no certificate is asked."""
        return {OPENAPI_PATH: {"GET": self._describe}, f"{NODE_PREFIX}registers": {"POST": self._node.present}}

    def table(self) -> dict[str, Mapping[str, Handler]]:
        """All other paths with their methods; `/openapi.json` describes both."""
        return {
            DOCUMENTS_PATH: {"POST": self._registering.register},
            DEVICE_PATH: {"GET": self._device},
            f"{DOCUMENTS_PATH}/*": {"GET": self._document},
            f"{DOCUMENTS_PATH}/*/{DELIVERIES}": {"GET": self._deliveries, "POST": self._deliver},
            **self._commands.table(),
            **self._node.table(),
        }

    async def serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request: find the path, admit the caller, answer."""
        path = scope["path"]
        if path in self._open:
            await self._serve_open(path, scope, receive, send)
            return
        is_batch = self._batches.is_here(path)
        route = self._batches.find(scope["method"], path) if is_batch else self.routes.find(scope["method"], path)
        scope["ts.endpoint"] = route.name
        services = self._services
        sender = services.gatekeeper.admit(_certificate(scope), services.clock(), revoked_too=is_batch)
        self._presence.note(sender)
        scope["ts.uid"] = sender.uid
        services.tally.called(sender.uid)
        services.budget.spend(sender.uid)
        headers = dict(scope["headers"])
        answer = await route.handler(Request(scope, receive, route.tail, headers, sender))
        metrics.answered(route.name, answer.status)
        more = (*self._newest(headers, sender), *self.hint(scope))
        if isinstance(answer, AnswerInParts):
            await respond_in_parts(send, answer, more)
            return
        more = (*answer.headers, *more)
        await respond(send, answer.status, answer.body, answer.content_type, more)

    def hint(self, scope: Scope) -> tuple[tuple[bytes, bytes], ...]:
        """On any answer to a device for which commands wait: the highest number, so that it asks (S0-030)."""
        uid = scope.get("ts.uid")
        number = 0 if uid is None else self._commands.hint(uid)
        return ((_COMMANDS, str(number).encode()),) if number else ()

    async def _serve_open(self, path: str, scope: Scope, receive: Receive, send: Send) -> None:
        scope["ts.endpoint"] = path
        methods = self._open[path]
        handler = methods.get(plain_method(scope))
        if handler is None:
            raise MethodUnknown(allowed(methods))
        answer = await handler(scope, receive)
        metrics.answered(path, answer.status)
        await respond(send, answer.status, answer.body, answer.content_type, answer.headers)

    async def _describe(self, scope: Scope, receive: Receive) -> Answer:
        return Answer(200, _description())

    def _newest(self, headers: Mapping[bytes, bytes], sender: Sender) -> tuple[tuple[bytes, bytes], ...]:
        """Take the head that the device was shown before, give it the newest: so we learn what others show."""
        checkpoints = self._services.checkpoints
        brought = headers.get(_CHECKPOINT)
        if brought is not None and len(brought) <= HEADER_BYTES_MAX:
            checkpoints.bring(brought.decode("latin-1"), f"device:{sender.uid}")
        newest = checkpoints.newest
        if newest != self._checkpoint[0]:
            self._checkpoint = (newest, ((_CHECKPOINT, newest.encode("ascii")),) if newest else ())
        return self._checkpoint[1]

    async def _device(self, request: Request) -> Answer:
        services = self._services
        return Answer(200, write_answer(await device_stands(services, request.sender, services.clock())))

    async def _document(self, request: Request) -> Answer:
        services, number = self._services, own_number(request.tail, request.sender)
        entry = await own_entry(services, number)
        return Answer(200, services.answers.of_entry(entry, qr=wants_qr(request.scope)))

    async def _deliveries(self, request: Request) -> Answer:
        number = own_number(request.tail, request.sender)
        await own_entry(self._services, number)

        def work(conn: Connection) -> bytes:
            found = store.deliveries_of(conn, number.signed_by, number.ordinal)
            return write_deliveries([deliveries.delivery_of(row) for row in found])

        return Answer(200, await self._services.in_database(work))

    async def _deliver(self, request: Request) -> Answer:
        """The receipt's link shall go to a buyer (S0-033): kept until the gateway has sent it."""
        number = own_number(request.tail, request.sender)
        check_coding(request.headers)
        check_type(request.headers, b"application/json")
        expected_bytes(request.headers, deliveries.BODY_BYTES_MAX)
        wish = deliveries.read_wish(await read_body(request.receive, deliveries.BODY_BYTES_MAX, None))
        services = self._services
        at = services.clock()
        if not services.answers.url_of(await own_entry(services, number)):
            raise Fault("TS-3241", detail="the document is no sale, or its text is erased")

        def work(conn: Connection) -> tuple[bytes, bool]:
            delivery, new = deliveries.ask(conn, number, request.sender.tin, wish, at)
            return write_answer(delivery), new

        body, new = await services.in_database(work)
        return Answer(201 if new else 200, body)


def _certificate(scope: Scope) -> bytes | None:
    """What the connection shows, DER."""
    shown: bytes | None = scope.get("extensions", {}).get("tls", {}).get("client_cert_der")
    return shown


@cache
def _description() -> bytes:
    return encode_json(ecr_api())


def build_app(services: EcrServices, more: Calls = NO_CALLS) -> App:
    """The ASGI application of the listener. Hand `refusals` to its server as well."""
    api = EcrApi(services, more)
    problems = _problems(services)

    def translate(error: Exception, scope: Scope) -> Answer:
        answer = problems.translate(error, scope)
        metrics.answered(scope.get("ts.endpoint", "none"), answer.status)
        uid = scope.get("ts.uid")
        if uid is not None and isinstance(error, Fault):
            services.tally.refused(uid, error.code)
        return answer._replace(headers=(*answer.headers, *api.hint(scope)))

    return guarded(api.serve, translate)


def refusals(services: EcrServices) -> Callable[[Refusal], Answer]:
    """What the server says in our words where the application is not asked."""
    return _problems(services).refuse


def _problems(services: EcrServices) -> Problems:
    return Problems(services.operator, services.clock, b"Certificate")
