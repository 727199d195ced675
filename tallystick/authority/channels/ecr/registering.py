"""A document's way through this door: size and form outside, the one pipeline inside, the answer from the ledger."""

from __future__ import annotations

from time import perf_counter

from tallystick.authority.channels.ecr import metrics
from tallystick.authority.channels.ecr.bodies import check_coding, check_type, expected_bytes
from tallystick.authority.channels.ecr.routes import Request
from tallystick.authority.channels.ecr.services import EcrServices
from tallystick.authority.ledger.entry import Channel
from tallystick.crypto.national_oids import DeviceClass
from tallystick.kit.asgi import Answer, Scope, query_of, read_body
from tallystick.wire.document_jws import DOCUMENT_BYTES_MAX, MEDIA_TYPE

_MEDIA_TYPE = MEDIA_TYPE.encode()
_REPLAYED = ((b"ts-replayed", b"1"),)


class Registering:
    """Takes documents."""

    def __init__(self, services: EcrServices) -> None:
        self._services = services

    async def register(self, request: Request) -> Answer:
        """201 for a new document, 200 for one that was booked before, with the same bytes in both."""
        started = perf_counter()
        services, headers = self._services, request.headers
        size = expected_bytes(headers, DOCUMENT_BYTES_MAX)
        check_coding(headers)
        check_type(headers, _MEDIA_TYPE)
        with services.work.hold(size):
            body = await read_body(request.receive, DOCUMENT_BYTES_MAX, None)
            answer = await self.submit(body, request)
        metrics.SECONDS.observe(perf_counter() - started)
        return answer

    async def submit(self, body: bytes, request: Request) -> Answer:
        """A document whose bytes are all here."""
        services = self._services
        sender = request.sender
        channel = Channel.ERP if sender.device_class is DeviceClass.ERP else Channel.ECR_ONLINE
        booked = await services.intake.submit(body, sender=sender, received_at=services.clock(), channel=channel)
        services.tally.proved(sender.uid, booked.document.build)
        told = services.answers.of_booking(booked, qr=wants_qr(request.scope))
        return Answer(200, told, headers=_REPLAYED) if booked.replayed else Answer(201, told)


def wants_qr(scope: Scope) -> bool:
    """Whether the query asks for the code as an image: ``?qr=1``."""
    return bool(scope["query_string"]) and query_of(scope).get("qr") == ["1"]
