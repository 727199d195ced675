"""The HTTP door of TaxCore.API: parse, call, answer. Statuses, headers and shapes as in chapter 6 of the wire facts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache

from tallystick.authority.channels.sdc import metrics, operations, store, tokens
from tallystick.authority.channels.sdc.bodies import (
    BodyBudget,
    check_coding,
    check_json_type,
    expected_bytes,
    small_body,
)
from tallystick.authority.channels.sdc.official import OfficialVerification
from tallystick.authority.channels.sdc.older import OlderInterface
from tallystick.authority.channels.sdc.routes import Handler, Request, Routes
from tallystick.authority.channels.sdc.services import PackageVerdict, SdcServices
from tallystick.authority.channels.sdc.shared import SharedDocuments
from tallystick.authority.problems import Problems
from tallystick.authority.reference.commands import operations as commands
from tallystick.authority.reference.commands.values import QueuedCommand
from tallystick.authority.reference.registry.values import SecureElementEntry
from tallystick.kernel.builds import BuildClass
from tallystick.kernel.faults import Fault
from tallystick.kernel.limits import LIMITS
from tallystick.kit.asgi import Answer, App, Receive, Scope, Send, guarded, read_body, respond
from tallystick.kit.http_server import Refusal
from tallystick.wire.checkpoint_header import CHECKPOINT_HEADER, HEADER_BYTES_MAX
from tallystick.wire.openapi_taxcore import taxcore_api
from tallystick.wire.ordinal_ranges import GONE_HEADER, MISSING_HEADER, read_ranges, write_ranges
from tallystick.wire.pos_values import encode_json
from tallystick.wire.taxcore_api import (
    BUILD_HEADER,
    TOKEN_HEADER,
    AuditAnswer,
    Command,
    read_boolean,
    read_proof_of_audit_request,
    write_audit_answer,
    write_commands,
    write_token,
)

_TOKEN_HEADER = TOKEN_HEADER.lower().encode()
_BUILD_HEADER = BUILD_HEADER.lower().encode()
_MISSING_HEADER, _GONE_HEADER = MISSING_HEADER.lower().encode(), GONE_HEADER.lower().encode()
_CHECKPOINT_HEADER = CHECKPOINT_HEADER.lower().encode()
_REPLAYED = ((b"ts-replayed", b"1"),)
_EMPTY = Answer(200)
_NOTHING = write_commands(())


def _verdict_headers(verdict: PackageVerdict) -> tuple[tuple[bytes, bytes], ...]:
    """What the status alone does not say: a repeated answer, and step and code of what was found."""
    replayed = _REPLAYED if verdict.replayed else ()
    if not verdict.code:
        return replayed
    return (*replayed, (b"ts-step", str(verdict.step).encode()), (b"ts-code", verdict.code.encode()))


class SdcApi:
    """TaxCore.API over its services."""

    def __init__(self, services: SdcServices) -> None:
        self._services = services
        self._shared = SharedDocuments(services)
        self._budget = BodyBudget(services.bodies_in_work_bytes)
        self.routes = Routes(self.table())

    def table(self) -> dict[str, Mapping[str, Handler]]:
        """Every path with its methods; `/openapi.json` describes them."""
        return {
            "/api/v3/configuration": {"GET": self._configuration},
            "/api/v3/tax-rates": {"GET": self._tax_rates},
            "/api/v3/environments": {"GET": self._environments},
            "/api/v3/encryption-certificate": {"GET": self._encryption_certificate},
            "/api/v3/sdc/token": {"GET": self._token},
            "/api/v3/sdc/commands": {"GET": self._initial_commands},
            "/api/v3/sdc/commands/*": {"PUT": self._command_processed},
            "/api/v3/sdc/status": {"PUT": self._online_status},
            "/api/v3/sdc/audit": {"POST": self._audit},
            "/api/v3/sdc/audit-proof": {"POST": self._audit_proof},
            "/openapi.json": {"GET": self._description},
            **OlderInterface(self._services).routes(),
            **OfficialVerification(self._services).routes(),
        }

    async def _configuration(self, request: Request) -> Answer:
        return Answer(200, self._shared.configuration)

    async def _tax_rates(self, request: Request) -> Answer:
        return Answer(200, self._shared.tax_rates())

    async def _environments(self, request: Request) -> Answer:
        return Answer(200, self._shared.environments)

    async def _encryption_certificate(self, request: Request) -> Answer:
        return Answer(200, self._shared.encryption_certificate)

    async def _description(self, request: Request) -> Answer:
        return Answer(200, _description())

    async def _token(self, request: Request) -> Answer:
        """Request Authentication Token: the only place that demands the client certificate (S2-092).

        A device may prove its build in ``Ts-Build``; whether it must is the country's word (S0-083).
        """
        services = self._services
        identity = services.gatekeeper.identify(request.certificate)
        now = services.clock()
        build_id = services.builds.known(request.headers.get(_BUILD_HEADER, b"").decode("latin-1"))
        services.builds.require(BuildClass.ESDC, build_id)
        token = await services.in_database(
            lambda conn: operations.open_session(conn, services.server_key, identity, build_id, now)
        )
        return Answer(200, write_token(token))

    async def _initial_commands(self, request: Request) -> Answer:
        """Get Initialization Commands: the configuration set and whatever else waits (S2-002, S2-003)."""
        holder = await self._holder(request)
        wanted = self._shared.initial_commands()
        found = await self._services.in_database(lambda conn: operations.initialise(conn, holder.uid, wanted))
        return Answer(200, _commands(found))

    async def _online_status(self, request: Request) -> Answer:
        """Notify Online Status: an empty body means true; commands come only for true (S2-013)."""
        holder = await self._holder(request)
        body = await small_body(request, LIMITS.control_call_bytes)
        online = read_boolean(body, when_empty=True)
        now = self._services.clock()
        found = await self._services.in_database(lambda conn: operations.notify_status(conn, holder.uid, online, now))
        return Answer(200, _commands(found))

    async def _command_processed(self, request: Request) -> Answer:
        """Notify Command Processed (S2-004, S2-016); an empty body is refused."""
        holder = await self._holder(request)
        body = await small_body(request, LIMITS.control_call_bytes)
        success = read_boolean(body, when_empty=None)
        services, now = self._services, self._services.clock()
        await services.in_database(
            lambda conn: operations.command_processed(conn, services.audit, holder.uid, request.tail, success, now)
        )
        return _EMPTY

    async def _audit(self, request: Request) -> Answer:
        """Submit Audit Package: HTTP 200 with whatever audit status, and the commands that wait (S2-093, S2-094)."""
        holder = await self._holder(request)
        check_coding(request.headers)
        check_json_type(request.headers)
        with self._budget.hold(expected_bytes(request.headers, LIMITS.audit_package_bytes)):
            body = await read_body(request.receive, LIMITS.audit_package_bytes, None)
            verdict = await self._services.intake.submit_package(
                body, token_uid=holder.uid, token_tin=holder.tin, received_at=self._services.clock()
            )
        waiting = await self._waiting(holder.uid)
        answer = write_audit_answer(AuditAnswer(verdict.status, waiting)) if waiting else _plain_answer(verdict.status)
        return Answer(200, answer, headers=(*_verdict_headers(verdict), *self._checkpoint(request, holder.uid)))

    def _checkpoint(self, request: Request, uid: str) -> tuple[tuple[bytes, bytes], ...]:
        """Take the head that the device was shown before, give it the newest: so offices learn what others show."""
        checkpoints = self._services.checkpoints
        brought = request.headers.get(_CHECKPOINT_HEADER)
        if brought is not None and len(brought) <= HEADER_BYTES_MAX:
            checkpoints.bring(brought.decode("latin-1"), f"device:{uid}")
        newest = checkpoints.newest
        return ((_CHECKPOINT_HEADER, newest.encode("ascii")),) if newest else ()

    async def _audit_proof(self, request: Request) -> Answer:
        """Submit Audit Request Payload: 200 whether or not a proof can be made; missing ordinals are named (K-13).

        A device may say in ``Ts-Gone`` which of them it no longer has.
        """
        holder = await self._holder(request)
        check_json_type(request.headers)
        body = await small_body(request, LIMITS.control_call_bytes)
        proof = read_proof_of_audit_request(body)
        gone = read_ranges(request.headers.get(_GONE_HEADER, b"").decode("latin-1"))
        services, now = self._services, self._services.clock()
        missing = await services.in_database(
            lambda conn: services.audit.receive_request(
                conn, holder.uid, proof.audit_request_payload, proof.sum, proof.limit, now, gone
            )
        )
        if not missing:
            return _EMPTY
        return Answer(200, headers=((_MISSING_HEADER, write_ranges(missing).encode()), (b"ts-code", b"TS-1406")))

    async def _holder(self, request: Request) -> SecureElementEntry:
        """The card whose token the request bears; raises ``TS-1105`` and what ``Gatekeeper.holder`` raises."""
        text = request.headers.get(_TOKEN_HEADER, b"")
        row = self._services.tokens.get(text) or await self._find_token(text)
        try:
            holder = self._services.gatekeeper.holder(row, request.certificate)
            self._services.builds.require(BuildClass.ESDC, row.build_id)
            return holder
        except Fault as fault:
            if fault.code == "TS-1105":
                self._services.tokens.drop(text)
            raise

    async def _find_token(self, text: bytes) -> store.TokenRow:
        digest = tokens.token_hash(text)
        if digest is None:
            raise Fault("TS-1105", detail=f"the header {TOKEN_HEADER} holds no token")
        row = await self._services.in_database(lambda conn: store.token_by_hash(conn, digest))
        if row is None:
            raise Fault("TS-1105", detail="the token is unknown")
        self._services.tokens.put(text, row)
        return row

    async def _waiting(self, uid: str) -> tuple[Command, ...]:
        """Commands that wait; SQL is asked only when memory says so. The package is safe already: nothing is raised."""
        outstanding = self._services.outstanding
        mark = outstanding.mark(uid)
        if mark is None:
            return ()
        try:
            found = await self._services.in_database(lambda conn: commands.fetch(conn, uid))
        except Fault:
            return ()
        if not found:
            outstanding.settle(uid, mark)
        return tuple(command.wire for command in found)


@cache
def _description() -> bytes:
    return encode_json(taxcore_api())


@cache
def _plain_answer(status: int) -> bytes:
    return write_audit_answer(AuditAnswer(status))


def _commands(found: list[QueuedCommand]) -> bytes:
    return write_commands(command.wire for command in found) if found else _NOTHING


def build_app(services: SdcServices) -> App:
    """The ASGI application of the device listener. Hand ``refusals`` to its server as well."""
    routes = SdcApi(services).routes
    problems = _problems(services)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        route = routes.find(scope["method"], scope["path"])
        scope["ts.endpoint"] = route.name
        answer = await route.handler(Request(scope, receive, route.tail))
        metrics.answered(route.name, answer.status)
        await respond(send, answer.status, answer.body, answer.content_type, answer.headers)

    def translate(error: Exception, scope: Scope) -> Answer:
        answer = problems.translate(error, scope)
        metrics.answered(scope.get("ts.endpoint", "none"), answer.status)
        return answer

    return guarded(app, translate)


def refusals(services: SdcServices) -> Callable[[Refusal], Answer]:
    """What the server says in our words where the application is not asked: ``Server(refuse=refusals(services))``."""
    return _problems(services).refuse


def _problems(services: SdcServices) -> Problems:
    return Problems(services.operator, services.clock, b"TaxCoreAuthenticationToken")
