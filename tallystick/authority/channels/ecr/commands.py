"""Commands to the device that asks (S0-030): what waits, what it says about one, and the log of what was done."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from tallystick.authority.channels.ecr.bodies import check_coding, check_type, expected_bytes
from tallystick.authority.channels.ecr.routes import Handler, Request
from tallystick.authority.channels.ecr.services import EcrServices
from tallystick.authority.intake.national.values import Sender
from tallystick.authority.projections.devicelog import queries as devicelog
from tallystick.authority.projections.devicelog.values import LogPage, read_cursor
from tallystick.authority.reference.remote import operations
from tallystick.authority.reference.remote.values import Taken
from tallystick.authority.room_queries import Connection
from tallystick.crypto.signatures import verify_es256
from tallystick.kernel.faults import Fault, FieldFault
from tallystick.kernel.instants import unix_ms
from tallystick.kit.asgi import Answer, Scope, query_of, read_body
from tallystick.wire.device_command import RESULT_BYTES_MAX, SignedResult, read_result
from tallystick.wire.document_jws import MEDIA_TYPE, write_time
from tallystick.wire.ecr_api import (
    COMMANDS_PATH,
    DEVICE_LOG_PATH,
    RESULT,
    DeviceLogPage,
    LoggedDeed,
    ResultTaken,
    WaitingCommands,
    write_answer,
)
from tallystick.wire.record import canonical_members
from tallystick.wire.trust_list import text_of

AHEAD_MOST = timedelta(minutes=10)
"""How far a device's clock may be ahead when it signs a result; behind it may be, for it can have been off line."""
PAGE = 100
_MEDIA_TYPE = MEDIA_TYPE.encode()
_REPLAYED = ((b"ts-replayed", b"1"),)
_NOT_KEPT = ((b"cache-control", b"no-store"),)


class CommandsApi:
    """The calls of this matter."""

    def __init__(self, services: EcrServices) -> None:
        self._services = services

    def table(self) -> dict[str, Mapping[str, Handler]]:
        """Paths and methods."""
        return {
            COMMANDS_PATH: {"GET": self._waiting},
            f"{COMMANDS_PATH}/*/{RESULT}": {"POST": self._result},
            DEVICE_LOG_PATH: {"GET": self._log},
        }

    def hint(self, uid: str) -> int:
        """The highest number that waits for a device; 0 where nothing does."""
        return self._services.commands.highest(uid)

    async def _waiting(self, request: Request) -> Answer:
        """Signed commands that the device has not answered, in their order, and the certificates of their signers."""
        services, uid = self._services, request.sender.uid

        def work(conn: Connection) -> WaitingCommands:
            found = operations.fetch(conn, uid, services.clock())
            kids = {one.kid for one in found if one.kid is not None}
            certificates = services.signers(conn, kids) if kids else ()
            compact = tuple(one.compact.decode("ascii") for one in found if one.compact is not None)
            return WaitingCommands(certificates=tuple(map(text_of, certificates)), commands=compact)

        return Answer(200, write_answer(await services.in_database(work)), headers=_NOT_KEPT)

    async def _result(self, request: Request) -> Answer:
        """201 for a new word of the device, 200 for one that was said before."""
        services, headers = self._services, request.headers
        size = expected_bytes(headers, RESULT_BYTES_MAX)
        check_coding(headers)
        check_type(headers, _MEDIA_TYPE)
        with services.work.hold(size):
            signed = read_result(await read_body(request.receive, RESULT_BYTES_MAX, None))
            self._require_own(signed, request)
            tin, at = request.sender.tin, services.clock()
            taken = await services.in_database(lambda conn: operations.take_result(conn, signed, tin, at))
        if taken.contradicts:
            raise Fault("TS-3306", detail=taken.contradicts)
        told = write_answer(_told(signed, taken))
        return Answer(201, told) if taken.is_new else Answer(200, told, headers=_REPLAYED)

    def _require_own(self, signed: SignedResult, request: Request) -> None:
        """Raise ``TS-3305`` unless the device at the door signed this, for this environment and this path, by now.

        A result is kept and sent again until it is taken, also over a renewal: any key of the device will do that was
        its own when the result was made, and is not revoked.
        """
        services, sender, result = self._services, request.sender, signed.result
        certificate, now = services.devices.certificate(signed.kid), services.clock()
        if certificate is None or not certificate.uid == result.device == sender.uid:
            raise Fault("TS-3305", detail="it is not of the device that brings it")
        if result.audience != services.audience or str(result.number) != request.tail:
            raise Fault("TS-3305", detail="it is of another environment, or of another command than its path")
        if result.made_ms > unix_ms(now + AHEAD_MOST):
            raise Fault("TS-3305", detail="it was made in the future")
        if certificate.was_revoked(now) or result.made_ms >= unix_ms(certificate.not_after):
            raise Fault("TS-3305", detail="the certificate of its key is revoked, or had ended when it was made")
        try:
            verify_es256(certificate.public_key, signed.signing_input, signed.signature, moment=now)
        except Fault as fault:
            raise Fault("TS-3305", detail=str(fault.detail)) from None

    async def _log(self, request: Request) -> Answer:
        """A page of what was done to a device and by it: its own, or another one of the same taxpayer."""
        services = self._services
        uid = _device(request.scope, request.sender)
        if uid != request.sender.uid:
            other = services.devices.device(uid)
            if other is None or other.tin != request.sender.tin:
                raise Fault("TS-4003", detail="no such device of this taxpayer")
        until = services.clock() - devicelog.SETTLED_AFTER
        after = read_cursor(_single(request.scope, "after"))
        sales = _single(request.scope, "sales")
        if sales not in ("", "1"):
            raise Fault("TS-1220", detail="sales is 1, or left out", fields=(FieldFault("/sales", "5"),))
        found = await services.in_database(
            lambda conn: devicelog.page(conn, uid, after, until, limit=PAGE, has_sales=bool(sales))
        )
        return Answer(200, write_answer(_page(found)), headers=_NOT_KEPT)


def _told(signed: SignedResult, taken: Taken) -> ResultTaken:
    return ResultTaken(
        number=str(signed.result.number),
        outcome=str(signed.result.outcome),
        received_at=write_time(unix_ms(taken.received_at)),
    )


def _page(found: LogPage) -> DeviceLogPage:
    shown = [one.for_taxpayer for one in found.entries]
    entries = tuple(
        LoggedDeed(at=write_time(unix_ms(one.at)), facts=canonical_members(dict(one.facts)), what=one.what)
        for one in shown
    )
    return DeviceLogPage(after=str(found.after), entries=entries, more="1" if found.has_more else "")


def _device(scope: Scope, sender: Sender) -> str:
    return _single(scope, "device") or sender.uid


def _single(scope: Scope, name: str) -> str:
    """A parameter of the query, empty where it is left out; raises ``TS-1220`` where it stands twice."""
    texts = query_of(scope).get(name, [""])
    if len(texts) != 1 or not texts[0].isascii():
        raise Fault("TS-1220", detail=f"{name} is given once", fields=(FieldFault(f"/{name}", "5"),))
    return texts[0]
