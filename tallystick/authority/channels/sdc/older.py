"""The older interface, which the vendor's card reader speaks (wire: 6.8): the certificate is shown at each call."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import parse_qs

from tallystick.authority.channels.sdc import operations
from tallystick.authority.channels.sdc.bodies import small_body
from tallystick.authority.channels.sdc.routes import Handler, Request
from tallystick.authority.channels.sdc.services import SdcServices
from tallystick.authority.reference.commands import operations as commands
from tallystick.authority.room_queries import Connection
from tallystick.kernel.faults import Fault
from tallystick.kernel.limits import LIMITS
from tallystick.kit.asgi import Answer
from tallystick.wire.card import AmountStatus
from tallystick.wire.taxcore_api import ARP_BYTES, read_reader_audit, read_reports, write_commands


class OlderInterface:
    """Three calls of a card reader, over the same rooms as the newer ones."""

    def __init__(self, services: SdcServices) -> None:
        self._services = services

    def routes(self) -> Mapping[str, Mapping[str, Handler]]:
        """Rows of the routing table."""
        return {
            "/api/secureelements/audit": {"POST": self._audit},
            "/api/sdc/getoutstandingcommands": {"POST": self._outstanding},
            "/api/sdc/uploadcommandstatus": {"POST": self._command_status},
        }

    async def _audit(self, request: Request) -> Answer:
        """The answers of Start Audit and Amount Status, handed on as a request for proof of audit."""
        services, now = self._services, self._services.clock()
        identity = services.gatekeeper.identify(request.certificate)
        payload, limit_data = read_reader_audit(await self._body(request))
        if len(payload) not in ARP_BYTES:
            raise Fault("TS-3101", detail="an audit request payload has 256, 260 or 264 bytes")
        amounts = AmountStatus.decode(limit_data)
        await services.in_database(
            lambda conn: services.audit.receive_request(conn, identity.uid, payload, amounts.sum, amounts.limit, now)
        )
        return Answer(200)

    async def _outstanding(self, request: Request) -> Answer:
        """Commands for the card whose certificate is shown."""
        identity = self._services.gatekeeper.identify(request.certificate)
        query = parse_qs(request.scope["query_string"].decode("ascii", "replace"), max_num_fields=10)
        asked = {name.lower(): values[-1] for name, values in query.items()}.get("serialnumber", identity.uid)
        if asked.upper() != identity.uid:
            raise Fault("TS-1313", detail="the certificate is of another card")
        found = await self._services.in_database(lambda conn: commands.fetch(conn, identity.uid))
        return Answer(200, write_commands(command.wire for command in found))

    async def _command_status(self, request: Request) -> Answer:
        """Results of commands, one or several."""
        services, now = self._services, self._services.clock()
        identity = services.gatekeeper.identify(request.certificate)
        reports = read_reports(await self._body(request))

        def work(conn: Connection) -> None:
            for report in reports:
                operations.command_processed(conn, services.audit, identity.uid, report.command_id, report.success, now)

        await services.in_database(work)
        return Answer(200)

    async def _body(self, request: Request) -> bytes:
        return await small_body(request, LIMITS.control_call_bytes)
