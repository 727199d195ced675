"""Claim: two cores give 2,000 OCSP answers a second over HTTP, signed on demand with the asker's nonce.

Server and askers share the two cores, as they would not in an installation. The limit is the same server, HTTP and all,
that answers with bytes which it never looks at.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import secrets
import signal
import tempfile
import time
from collections.abc import Iterable
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import attrs

from benchmarks.claim import Claim, per_second
from tallystick.authority.problems import Problems
from tallystick.authority.reference.pki.api import PublicationServices, build_app
from tallystick.authority.reference.pki.ports import Revoked
from tallystick.authority.reference.pki.responder import OcspService
from tallystick.authority.reference.pki.timestamping import TimestampService
from tallystick.authority.reference.pki.values import Issuance, IssuanceState
from tallystick.authority.reference.pki_registry import RegistryOfDevices
from tallystick.crypto.certificate_facts import read_facts
from tallystick.crypto.issuing import Authority
from tallystick.crypto.keys import generate_p256_key
from tallystick.crypto.national_orders import responder_order
from tallystick.crypto.ocsp import Responder, question_for
from tallystick.crypto.pki import DemoPki
from tallystick.crypto.signers import KeySigner
from tallystick.kit.asgi import App, Receive, Scope, Send, read_body, respond
from tallystick.kit.http_server import Server

NAME = "device-ca"
ANSWERS_A_SECOND = 2_000
CERTIFICATES = 1_600
CONNECTIONS = 16
_HEAD = b"POST /ocsp HTTP/1.1\r\nHost: x\r\nContent-Type: application/ocsp-request\r\nContent-Length: "
_FORK = multiprocessing.get_context("fork")


@attrs.frozen
class Nothing:
    """A registry in memory in which nothing is revoked."""

    refreshed_at: datetime
    revocations_seen: int = 0

    def revocation(self, certificate_hash: bytes) -> Revoked | None:
        """None."""
        return None


def run(full: bool) -> Iterable[Claim]:
    """With a nonce, without one, and the bare server; ``full`` asks for longer."""
    seconds = 20.0 if full else 5.0
    with tempfile.TemporaryDirectory() as folder:
        now = datetime.now(UTC)
        pki = DemoPki.create(
            Path(folder) / "pki", environment=(1, 9), organization="Bench", country="AQ", at=now - timedelta(days=1)
        )
        authority, key = pki.authority(NAME), generate_p256_key()
        responder = Responder(authority.issue(responder_order(NAME, key.public), now), KeySigner(key))
    serials = [secrets.randbits(127) for _ in range(CERTIFICATES)]
    with_nonce = [question_for(authority.der, serial, secrets.token_bytes(32)) for serial in serials]
    without = [question_for(authority.der, serial) for serial in serials]
    yield by_processor_time(authority, responder, with_nonce[:1_000])
    with served(lambda: bare_app(1_000)) as port:
        limit = asyncio.run(ask(port, with_nonce, seconds))
    with served(lambda: ocsp_app(authority, responder)) as port:
        asyncio.run(ask(port, without, seconds / 2))
        signed = asyncio.run(ask(port, with_nonce, seconds))
        ahead = asyncio.run(ask(port, without, seconds))
    for name, rate in (("signed on demand, with nonce", signed), ("made ahead, without nonce", ahead)):
        yield Claim(
            f"OCSP answers over HTTP, {name}",
            per_second(rate, "answers"),
            per_second(limit, "answers of the bare server"),
            rate / limit,
            f">= {ANSWERS_A_SECOND:,} answers/s",
            rate >= ANSWERS_A_SECOND,
        )


def by_processor_time(authority: Authority, responder: Responder, questions: list[bytes]) -> Claim:
    """What a core would do alone, which other work on the machine does not change; the limit is a bare signature."""
    service, signer = ocsp_service(authority, responder), responder.signer
    for question in questions:
        service.answer(question)
    started = time.process_time()
    for question in questions:
        service.answer(question)
    answered = time.process_time()
    for question in questions:
        signer.sign(question)
    signed = time.process_time()
    rate, limit = len(questions) / (answered - started), len(questions) / (signed - answered)
    return Claim(
        "OCSP answers signed on demand, a core by its processor time",
        per_second(rate, "answers"),
        per_second(limit, "bare P-256 signatures"),
        rate / limit,
        f">= {ANSWERS_A_SECOND:,} answers/s",
        rate >= ANSWERS_A_SECOND,
    )


def ocsp_app(authority: Authority, responder: Responder) -> App:
    """The open doors of the PKI, over a register in memory."""
    service = ocsp_service(authority, responder)
    clock = service.clock
    return build_app(
        PublicationServices(
            connect=_no_database,
            registry=RegistryOfDevices(),
            ocsp=service,
            timestamps=TimestampService(policy="1.2.3", clock=clock, is_synchronised=lambda: False, view=service.view),
            clock=clock,
            problems=Problems("bench.example", clock),
        )
    )


def ocsp_service(authority: Authority, responder: Responder) -> OcspService:
    """Answers over a register in memory, which has every certificate that is asked about."""
    facts, now = read_facts(authority.der), datetime.now(UTC)

    def find(name: str, serial: int) -> Issuance:
        return Issuance(
            issuance_id=1,
            authority=name,
            profile="device",
            serial=serial,
            holder="device:AB12CD34",
            tin="",
            requested_by="bench",
            purpose="",
            tbs_hash=facts.tbs_hash,
            key_hash=facts.key_hash,
            not_before=facts.not_before,
            not_after=facts.not_after,
            state=IssuanceState.ISSUED,
            begun_at=now,
            certificate=authority.der,
            certificate_hash=facts.sha256,
            ledger_index=None,
        )

    service = OcspService(Nothing(now), find, lambda: datetime.now(UTC))
    service.use({NAME: responder}, {NAME: authority.der})
    return service


def _no_database() -> Any:
    raise AssertionError("nobody asks the database here")


def bare_app(size: int) -> App:
    """Reads a body and answers with the same bytes every time."""
    body = bytes(size)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await read_body(receive, 16 * 1024)
        await respond(send, 200, body, "application/ocsp-response")

    return app


@contextmanager
def served(make: Any) -> Any:
    """A server in a process of its own; gives its port."""
    receiving, sending = _FORK.Pipe(duplex=False)
    process = _FORK.Process(target=_serve, args=(make, sending), daemon=True)
    process.start()
    try:
        yield receiving.recv()
    finally:
        process.terminate()
        process.join(10)


def _serve(make: Any, sending: Any) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_DFL)

    async def main() -> None:
        server = Server(make(), "127.0.0.1", 0)
        sending.send(await server.start())
        await asyncio.Event().wait()

    import uvloop

    uvloop.run(main())


async def ask(port: int, questions: list[bytes], seconds: float) -> float:
    """Questions over kept connections, one at a time on each; answers a second."""
    end = time.perf_counter() + seconds
    started = time.perf_counter()
    counts = await asyncio.gather(*(_one(port, questions, end, place) for place in range(CONNECTIONS)))
    return sum(counts) / (time.perf_counter() - started)


async def _one(port: int, questions: list[bytes], end: float, place: int) -> int:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    count = 0
    while time.perf_counter() < end:
        question = questions[(place * 100 + count) % len(questions)]
        writer.write(_HEAD + str(len(question)).encode() + b"\r\n\r\n" + question)
        answered = await reader.readuntil(b"\r\n\r\n")
        assert answered.startswith(b"HTTP/1.1 200"), answered
        size = int(answered.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
        body = await reader.readexactly(size)
        assert body[:1] != b"\x30" or size > 100, "an error answer"
        count += 1
    writer.close()
    return count
