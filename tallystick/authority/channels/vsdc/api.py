"""The POS API, version 3, of the hosted signer (wire: chapters 2 and 9): certificate and PAC on every call, no PIN."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable

from tallystick.authority.channels.vsdc import metrics
from tallystick.authority.channels.vsdc.hosted_signer import HostedSigner
from tallystick.authority.channels.vsdc.identity import Caller, Gatekeeper
from tallystick.authority.channels.vsdc.older import OlderInterface
from tallystick.authority.channels.vsdc.problems import JSON, answer_fault, refuse, translate
from tallystick.authority.channels.vsdc.requests import certificate_of, read_order
from tallystick.authority.channels.vsdc.services import VsdcServices
from tallystick.authority.channels.vsdc.siblings import SharedSigner
from tallystick.kernel.faults import Fault
from tallystick.kernel.instants import utc_offset_minutes
from tallystick.kernel.limits import LIMITS
from tallystick.kernel.status_codes import StatusCode
from tallystick.kit.asgi import (
    Answer,
    App,
    Receive,
    Scope,
    Send,
    allowed,
    guarded,
    header,
    plain_method,
    raw_path,
    respond,
)
from tallystick.wire.configuration import environment_parameters
from tallystick.wire.pos_invoice import encode_json
from tallystick.wire.pos_request_id import asked_request_id
from tallystick.wire.pos_status import hosted_status_answer

__all__ = ["build_app", "refuse"]

PREFIX = "/api/v3/"
OLDER_PATH = "/api/sign/signinvoice"
_SLASHES = re.compile("/{2,}")

Handler = Callable[[Scope, Receive, Caller], Awaitable[Answer]]


class VsdcApi:
    """The interface over its services."""

    def __init__(self, services: VsdcServices, signer: HostedSigner | SharedSigner) -> None:
        self._services = services
        self._signer = signer
        self._gatekeeper = Gatekeeper(services)
        self._older = OlderInterface(self._gatekeeper, signer) if services.older_interface else None
        self._environment_document = encode_json(environment_parameters(services.configuration))
        self._routes: dict[str, dict[str, Handler]] = {
            "attention": {"GET": self._attention},
            "status": {"GET": self._status},
            "environment-parameters": {"GET": self._environment},
            "invoices": {"POST": self._sell},
        }

    async def serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request: find the path, admit the caller, answer."""
        answer = await self._answer(scope, receive)
        metrics.answered(scope.get("ts.endpoint", "none"), answer.status)
        await respond(send, answer.status, answer.body, answer.content_type, answer.headers)

    async def _answer(self, scope: Scope, receive: Receive) -> Answer:
        path = _SLASHES.sub("/", scope["path"]).rstrip("/")
        if self._older is not None and path.lower() == OLDER_PATH and scope["method"] == "POST":
            scope["ts.endpoint"] = "older"
            return await self._older.sign(scope, receive)
        name = path[len(PREFIX) :] if path.lower().startswith(PREFIX) else ""
        methods = self._routes.get(name.lower())
        if name.lower().startswith("invoices") and asked_request_id(raw_path(scope)):
            methods = {"GET": self._find}
        scope["ts.endpoint"] = "none" if methods is None else name.lower().partition("/")[0]
        caller = await self._gatekeeper.admit(certificate_of(scope), header(scope, b"pac"))
        if methods is None:
            raise Fault("TS-1001", detail="no such path")
        handler = methods.get(plain_method(scope))
        if handler is None:
            answer = answer_fault(Fault("TS-1001"), 405)
            return answer._replace(headers=(*answer.headers, (b"allow", allowed(methods).encode())))
        return await handler(scope, receive, caller)

    async def _attention(self, scope: Scope, receive: Receive, caller: Caller) -> Answer:
        return Answer(200)

    async def _status(self, scope: Scope, receive: Receive, caller: Caller) -> Answer:
        services = self._services
        now = services.clock().astimezone(services.zone)
        able = bool(services.hosted.signers)
        body = hosted_status_answer(
            sdc_time=now,
            offset_minutes=utc_offset_minutes(now),
            status_codes=(StatusCode.ALL_OK if able else StatusCode.SECURE_ELEMENT_UNREACHABLE,),
            supported_languages=services.languages,
            uid=caller.uid,
            tax_core_api=services.tax_core_api,
            current_tax_rates=services.rates.group_at(now),
            all_tax_rates=services.rates.groups,
        )
        return Answer(200, body, JSON)

    async def _environment(self, scope: Scope, receive: Receive, caller: Caller) -> Answer:
        return Answer(200, self._environment_document, JSON)

    async def _sell(self, scope: Scope, receive: Receive, caller: Caller) -> Answer:
        order = await read_order(scope, receive)
        return Answer(200, await self._signer.sell(caller, order), JSON)

    async def _find(self, scope: Scope, receive: Receive, caller: Caller) -> Answer:
        request_id = asked_request_id(raw_path(scope))
        if len(request_id) > LIMITS.request_id_characters:
            return Answer(200, b"null", JSON)
        return Answer(200, await self._signer.find_invoice(caller, request_id) or b"null", JSON)


def build_app(services: VsdcServices, signer: HostedSigner | SharedSigner) -> App:
    """The ASGI application of the hosted signer. Hand `refuse` to its server as well."""
    api = VsdcApi(services, signer)

    def translated(error: Exception, scope: Scope) -> Answer:
        answer = translate(error, scope)
        metrics.answered(scope.get("ts.endpoint", "none"), answer.status)
        return answer

    return guarded(api.serve, translated)
