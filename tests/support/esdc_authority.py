"""An authority small enough to hold in one hand: TaxCore.API in memory, with the real keys, for tests of the device.

It checks what a device may get wrong (token, order, signatures), remembers every package, and makes real proofs.
"""

from __future__ import annotations

import uuid
from base64 import b64encode
from collections import Counter
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from cards import Country
from esdc_bench import UID, calm_country, open_package, setup_commands

from tallystick.crypto.certificates import read_card_certificate
from tallystick.crypto.envelope import sign_with_recovery
from tallystick.crypto.signatures import verify_invoice_signature
from tallystick.device.esdc.authority_client import HttpAnswer
from tallystick.kernel.instants import Clock, unix_ms
from tallystick.kit.asgi import App, Receive, Scope, Send, read_body, respond
from tallystick.wire.card import PoaMessage, signed_text
from tallystick.wire.taxcore_api import (
    TOKEN_HEADER,
    AuditAnswer,
    Command,
    CommandType,
    Token,
    read_boolean,
    read_proof_of_audit_request,
    write_audit_answer,
    write_commands,
    write_token,
)

ID_SPACE = uuid.UUID("6ba7b811-9dad-11d1-80b4-00c04fd430c8")


class SmallAuthority:
    """One environment's authority. Tests read and set its fields between calls."""

    def __init__(self, clock: Clock, *, uid: str = UID, home: Country | None = None) -> None:
        self.clock = clock
        self.home = home or calm_country()
        self.uid = uid
        self.certificate: bytes | None = None
        self.token: str | None = None
        self.outstanding: dict[str, Command] = {one.command_id: one for one in setup_commands(uid)}
        self.results: dict[str, bool] = {}
        self.packages: dict[int, list[bytes]] = {}
        self.signatures: dict[str, bytes] = {}
        self.requests: list[bytes] = []
        self.calls: Counter[str] = Counter()
        self.statuses: dict[int, list[int]] = {}
        """What to answer for an ordinal, one after another, before the truth."""
        self.tokens_given = 0
        self.makes_proofs = True
        self.gone: list[str] = []
        """What the device said it no longer has."""
        self.claims: str | None = None
        """What a hostile authority says it misses, whatever it has."""

    def answer(self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]) -> HttpAnswer:
        """One call that needs a token."""
        name = path.rsplit("/sdc/", 1)[1]
        self.calls[f"{method} {name.split('/')[0]}"] += 1
        if headers.get(TOKEN_HEADER.lower(), headers.get(TOKEN_HEADER)) != self.token or self.token is None:
            return HttpAnswer(401, {}, b"")
        if name.startswith("commands/"):
            return self._report(name.split("/")[1], body or b"")
        handlers: dict[str, Any] = {
            "GET commands": self._waiting,
            "PUT status": self._waiting,
            "POST audit": lambda: self._audit(body or b""),
            "POST audit-proof": lambda: self._audit_proof(body or b"", headers),
        }
        return handlers[f"{method} {name}"]()  # type: ignore[no-any-return]

    def give_token(self) -> HttpAnswer:
        """The token of the card whose certificate was shown."""
        self.calls["GET token"] += 1
        if self.token is None:
            self.tokens_given += 1
            self.token = f"token-{self.tokens_given}"
        return HttpAnswer(200, {}, write_token(Token(self.token, self.clock() + timedelta(hours=8))))

    def _waiting(self) -> HttpAnswer:
        return HttpAnswer(200, {}, write_commands(self.outstanding.values()))

    def _report(self, command_id: str, body: bytes) -> HttpAnswer:
        known = {one.upper(): one for one in self.outstanding}
        if command_id in known:
            self.results[known[command_id]] = read_boolean(body, when_empty=None)
            del self.outstanding[known[command_id]]
        return HttpAnswer(200, {}, b"")

    def _audit(self, body: bytes) -> HttpAnswer:
        ordinal = open_package(body, self.home).result.number.ordinal
        planned = self.statuses.get(ordinal)
        if planned:
            status = planned.pop(0)
        else:
            self._check_signature(body)
            self.packages.setdefault(ordinal, []).append(body)
            status = 4
        return HttpAnswer(200, {}, write_audit_answer(AuditAnswer(status, tuple(self.outstanding.values()))))

    def _check_signature(self, body: bytes) -> None:
        """An invoice's signature holds, and no ordinal ever has two."""
        data = open_package(body, self.home)
        result, request = data.result, data.request
        if self.certificate is not None:
            text = signed_text(
                unix_ms(result.sdc_time),
                result.seller.tin,
                (request.buyer_id or "").encode(),
                request.invoice_type,
                request.transaction_type,
                result.total_amount,
                result.type_counter,
                result.total_counter,
                result.encrypted_internal_data,
            )
            verify_invoice_signature(read_card_certificate(self.certificate).public_key, text, result.signature)
        known = self.signatures.setdefault(str(result.number), result.signature)
        assert known == result.signature, f"two invoices with the number {result.number}"

    def missing(self, up_to: int) -> list[int]:
        """Ordinals that never came."""
        return [ordinal for ordinal in range(1, up_to + 1) if ordinal not in self.packages]

    def _audit_proof(self, body: bytes, headers: Mapping[str, str]) -> HttpAnswer:
        if (gone := headers.get("Ts-Gone", headers.get("ts-gone"))) is not None:
            self.gone.append(gone)
        payload = read_proof_of_audit_request(body).audit_request_payload
        self.requests.append(payload)
        content = self.home.audit_request(payload)
        missing = self.missing(content.total_counter)
        if missing or self.claims is not None:
            text = ",".join(map(str, missing)) if self.claims is None else self.claims
            return HttpAnswer(200, {"ts-missing": text}, b"")
        if self.makes_proofs:
            self._prove(payload)
        return HttpAnswer(200, {}, b"")

    def _prove(self, payload: bytes) -> None:
        """A proof as command 5; the same request gives the same command."""
        content = self.home.audit_request(payload)
        message = PoaMessage(
            uid=content.uid,
            audit_sequence=content.audit_sequence,
            nonce=content.nonce,
            released=content.unaudited,
            issued_ms=unix_ms(self.clock()),
        )
        proof = sign_with_recovery(message.encode(), self.home.poa_key)
        command_id = str(uuid.uuid5(ID_SPACE, payload.hex()))
        if command_id not in self.results:
            command = Command(command_id, CommandType.FORWARD_PROOF_OF_AUDIT, b64encode(proof).decode(), self.uid)
            self.outstanding.setdefault(command_id, command)

    def app(self) -> App:
        """The same over HTTP."""

        async def serve(scope: Scope, receive: Receive, send: Send) -> None:
            body = await read_body(receive, 1024 * 1024)
            if scope["path"].endswith("/token"):
                shown = scope["extensions"]["tls"]["client_cert_der"]
                answer = self.give_token() if shown else HttpAnswer(401, {}, b"")
            else:
                headers = {name.decode(): value.decode() for name, value in scope["headers"]}
                answer = self.answer(scope["method"], scope["path"], body, headers)
            extra = [(name.encode(), value.encode()) for name, value in answer.headers.items()]
            await respond(send, answer.status, answer.body, headers=extra)

        return serve
