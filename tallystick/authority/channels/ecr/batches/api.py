"""The HTTP doors of the offline channel: batches in resumable parts, their receipts, and heads of devices.

Every call may be repeated. Gzip is taken here and nowhere else: one layer, bounded (security, 3.6).
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from tallystick.authority.channels.ecr.batches import contacts, operations, queries
from tallystick.authority.channels.ecr.batches.checking import check_class, check_head, check_manifest
from tallystick.authority.channels.ecr.batches.holding import on_hold, waits_for_release
from tallystick.authority.channels.ecr.batches.values import HELD_AGAIN_SECONDS, Batch, BatchState, Part
from tallystick.authority.channels.ecr.bodies import check_coding, check_type, expected_bytes
from tallystick.authority.channels.ecr.budget import WorkBudget
from tallystick.authority.channels.ecr.routes import Handler, Request, Route
from tallystick.authority.channels.ecr.services import EcrServices
from tallystick.authority.problems import MethodUnknown
from tallystick.authority.room_queries import Connection
from tallystick.kernel.faults import Fault
from tallystick.kit.asgi import Answer, allowed, read_body
from tallystick.kit.in_thread import in_thread
from tallystick.wire.batch_receipt import write_part_answer, write_progress
from tallystick.wire.document_jws import MEDIA_TYPE
from tallystick.wire.offline_batch import (
    BATCHES_PATH,
    HEAD_BYTES_MAX,
    HEAD_PATH,
    MANIFEST_BYTES_MAX,
    PART_BYTES_MAX,
    inflate,
    read_announcement,
    read_batch_id,
    read_head,
    read_manifest,
)

PART_TYPE = b"application/octet-stream"
PARTS_IN_WORK_MOST = 512
PART_BYTES_IN_WORK_MOST = 256 * 1024 * 1024
"""Beside what documents on line may take: no fleet that comes back takes anything from a till that sells."""
_ANNOUNCEMENT_BYTES = 1_024
_RECEIPT_WAIT_SECONDS = 3.0
_LOOK_SECONDS = 0.1
_SIGNED = MEDIA_TYPE.encode("ascii")
_LATER = (b"retry-after", b"1")
_RELEASED_LATER = (b"retry-after", b"%d" % HELD_AGAIN_SECONDS)


class BatchApi:
    """Its paths, which hold up to two names: of a batch, and of a part."""

    def __init__(self, services: EcrServices) -> None:
        self._services = services
        self._work = WorkBudget(PARTS_IN_WORK_MOST, PART_BYTES_IN_WORK_MOST)

    def is_here(self, path: str) -> bool:
        """Whether a path is one of this room."""
        return path in (HEAD_PATH, BATCHES_PATH) or path.startswith(f"{BATCHES_PATH}/")

    def table(self) -> dict[str, Mapping[str, Handler]]:
        """Every path with its methods."""
        return {
            HEAD_PATH: {"POST": self._head},
            BATCHES_PATH: {"POST": self._announce},
            f"{BATCHES_PATH}/*": {"GET": self._look, "DELETE": self._withdraw},
            f"{BATCHES_PATH}/*/close": {"POST": self._close},
            f"{BATCHES_PATH}/*/parts/*": {"PUT": self._put},
        }

    def find(self, method: str, path: str) -> Route:
        """The handler; raises ``TS-1001`` and `MethodUnknown`."""
        names = [] if path == HEAD_PATH else path.removeprefix(BATCHES_PATH).split("/")[1:]
        name = (
            path
            if not names
            else "/".join([BATCHES_PATH, *("*" if at % 2 == 0 else one for at, one in enumerate(names))])
        )
        methods = self.table().get(name)
        if methods is None or not all(names):
            raise Fault("TS-1001", detail="no such path")
        handler = methods.get("GET" if method == "HEAD" else method)
        if handler is None:
            raise MethodUnknown(allowed(methods))
        return Route(handler, name, "/".join(names))

    async def _announce(self, request: Request) -> Answer:
        check_class(self._services.devices, request.sender)
        said = read_announcement(await _body(request, _ANNOUNCEMENT_BYTES, b"application/json"))
        now = self._services.clock()

        def work(conn: Connection) -> tuple[Batch, list[Part]]:
            operations.announce(conn, request.sender, said, now)
            return _whole(conn, request, said.batch)

        batch, parts = await self._services.in_database(work)
        return self._stands(200 if parts or batch.announced_at != now else 201, batch, parts)

    async def _put(self, request: Request) -> Answer:
        check_class(self._services.devices, request.sender)
        name, _, text = request.tail.partition("/parts/")
        batch_id, number = read_batch_id(name), _number(text)
        is_gzip = request.headers.get(b"content-encoding", b"").strip().lower() == b"gzip"
        with self._work.hold(expected_bytes(request.headers, PART_BYTES_MAX)):
            body = await _body(request, PART_BYTES_MAX, PART_TYPE, coded=is_gzip)
            now, services = self._services.clock(), self._services

            def read() -> operations.NewPart:
                return operations.read_new_part(request.sender, number, inflate(body) if is_gzip else body, now)

            new = await in_thread(read, services.database_answer_seconds)  # no connection waits while it is read
            held = on_hold(services.devices, request.sender.uid)
            part, is_new = await services.in_database(
                lambda conn: operations.put_part(conn, request.sender, batch_id, new, is_held=held)
            )
        return Answer(201 if is_new else 200, write_part_answer(part.number, part.sha256, part.size))

    async def _look(self, request: Request) -> Answer:
        batch_id = read_batch_id(request.tail)
        batch, parts = await self._services.in_database(lambda conn: _whole(conn, request, batch_id))
        return Answer(200, batch.receipt) if batch.receipt is not None else self._stands(200, batch, parts)

    async def _withdraw(self, request: Request) -> Answer:
        batch_id = read_batch_id(request.tail)
        await self._services.in_database(lambda conn: operations.withdraw(conn, request.sender, batch_id))
        return Answer(204)

    async def _close(self, request: Request) -> Answer:
        services = self._services
        signed = read_manifest(await _body(request, MANIFEST_BYTES_MAX, _SIGNED))
        if signed.manifest.batch != read_batch_id(request.tail.partition("/")[0]):
            raise Fault("TS-2410", detail="the manifest is of another batch")
        signed, signer = check_manifest(services.devices, services.audience, request.sender, signed)
        now = services.clock()

        def work(conn: Connection) -> Batch:
            return operations.close(
                conn,
                request.sender,
                signed,
                now,
                certificate=signer.certificate_hash,
                revoked=signer.was_revoked(now),
            )

        batch = await services.in_database(work)
        return await self._receipt(request, batch)

    async def _receipt(self, request: Request, batch: Batch) -> Answer:
        """Its receipt, where it comes soon; else where it stands. One that waits for a release is not waited for."""
        loop = asyncio.get_running_loop()
        until = loop.time() + _RECEIPT_WAIT_SECONDS
        uid, batch_id = request.sender.uid, batch.batch_id
        while batch.receipt is None and loop.time() < until and not self._waits(batch):
            await asyncio.sleep(_LOOK_SECONDS)
            batch = await self._services.in_database(lambda conn: queries.batch(conn, uid, batch_id))
        if batch.receipt is not None:
            return Answer(200, batch.receipt)
        parts = await self._services.in_database(lambda conn: queries.parts(conn, uid, batch_id))
        return self._stands(202, batch, parts)

    def _stands(self, status: int, batch: Batch, parts: list[Part]) -> Answer:
        """How far it is, why it waits, and when to ask for its receipt again."""
        waits = self._waits(batch)
        headers = () if batch.state is BatchState.OPEN else (_RELEASED_LATER if waits else _LATER,)
        return Answer(status, _progress(batch, parts, "TS-2407" if waits else batch.code), headers=headers)

    def _waits(self, batch: Batch) -> bool:
        return waits_for_release(self._services.devices, batch, self._services.clock())

    async def _head(self, request: Request) -> Answer:
        services = self._services
        report = read_head(await _body(request, HEAD_BYTES_MAX, _SIGNED))
        check_head(services.devices, services.audience, request.sender, report)
        now = services.clock()
        fault = await services.in_database(lambda conn: contacts.hear_head(conn, request.sender, report, now))
        if fault is not None:  # what the device said is kept, and a matter for inspectors
            raise fault
        return Answer(200, b'{"head":"%d"}' % report.sequence)


async def _body(request: Request, bytes_max: int, content_type: bytes, *, coded: bool = False) -> bytes:
    if not coded:
        check_coding(request.headers)
    check_type(request.headers, content_type)
    expected_bytes(request.headers, bytes_max)
    return await read_body(request.receive, bytes_max, None)


def _whole(conn: Connection, request: Request, batch_id: bytes) -> tuple[Batch, list[Part]]:
    uid = request.sender.uid
    return queries.batch(conn, uid, batch_id), queries.parts(conn, uid, batch_id)


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 4 and not text.startswith("0")):
        raise Fault("TS-2410", detail="parts are numbered from 1 on")
    return int(text)


def _progress(batch: Batch, parts: list[Part], code: str) -> bytes:
    return write_progress(
        batch=batch.batch_id,
        first=batch.first,
        state=str(batch.state),
        parts=[(part.number, part.sha256, part.size) for part in parts],
        code=code,
    )
