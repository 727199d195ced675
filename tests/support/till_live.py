"""A register that serves on loopback over a bench, in a thread of its own; and an authority that speaks HTTP."""

from __future__ import annotations

import asyncio
import http.client
import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from till_authority import Authority
from till_bench import Bench

from tallystick.device.ecr.api import TOKEN_FILE
from tallystick.device.ecr.needs import Refused
from tallystick.device.ecr.service import Running, serve_register
from tallystick.device.ecr.synchronise import Pace
from tallystick.kernel.hashing import device_link
from tallystick.wire.compact_jws import write_base64url
from tallystick.wire.document_jws import read_signed
from tallystick.wire.ecr_api import DeviceStands, OfflineLimits, Registered, write_answer
from tallystick.wire.problem import problem_json

PACE = Pace(round_seconds=0.05, contact_seconds=0.2, patience_seconds_most=0.2)


class LiveRegister:
    """Both pages of a register in the hand of a test."""

    def __init__(self, bench: Bench, pace: Pace = PACE, **more: Any) -> None:
        self.bench = bench
        self._pace = pace
        self._more = more
        self._loop = asyncio.new_event_loop()
        self._started = threading.Event()
        self._stop = asyncio.Event()
        self.running: Running
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        assert self._started.wait(30)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._serve())
        self._loop.close()

    async def _serve(self) -> None:
        bench = self.bench
        serving = serve_register(
            bench.register, bench.authority, bench.folder, api_port=0, till_port=0, pace=self._pace, **self._more
        )
        async with serving as self.running:
            self._started.set()
            await self._stop.wait()

    def close(self) -> None:
        """Stop serving."""
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(30)

    @property
    def url(self) -> str:
        """The till."""
        return f"http://127.0.0.1:{self.running.till_port}/"

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
        """The interface for programs, with the token unless other headers are given."""
        token = (self.bench.folder / TOKEN_FILE).read_text(encoding="ascii")
        told = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        told |= {name.replace("_", "-"): value for name, value in headers.items()}
        connection = http.client.HTTPConnection("127.0.0.1", self.running.api_port, timeout=20)
        connection.request(method, path, None if body is None else json.dumps(body), told)
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        return answer.status, json.loads(content)


@contextmanager
def http_authority(authority: Authority, spoil: Callable[[int], str] = lambda call: "") -> Iterator[str]:
    """The small authority over plain HTTP; gives its address. ``spoil`` says what goes wrong with which call."""
    calls = 0

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            nonlocal calls
            calls += 1
            body = self.rfile.read(int(self.headers["content-length"]))
            wrong = spoil(calls)
            if wrong == "before":
                self._cut()
                return
            status, answer = _answer(authority, body)
            if wrong == "after":
                self._cut()
                return
            if wrong == "html":
                status, answer = 502, b"<html>Bad gateway</html>"
            if wrong == "other":
                answer = answer.replace(b'"number":"', b'"number":"X')
            self._tell(status, answer)

        def do_GET(self) -> None:
            stands = DeviceStands(
                audience="small.example/log", checkpoint="small.example/log\n1\n\n", device_class="software",
                offline=OfflineLimits(hours="0"), server_time="2026-11-27T08:00:00.000Z", state="active", tin="1",
                uid="TILL0001", window_seconds="120",
            )  # fmt: skip
            self._tell(200, write_answer(stands))

        def _tell(self, status: int, answer: bytes) -> None:
            self.send_response(status)
            self.send_header("content-length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def _cut(self) -> None:
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)

        def log_message(self, *words: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads, server.block_on_close = True, False
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _answer(authority: Authority, body: bytes) -> tuple[int, bytes]:
    signed = read_signed(body)
    try:
        booked = authority.send(body)
    except Refused as refused:
        now = signed.header.time
        return problem_json(refused.fault, instance="/", operator="small.example", server_time=now)
    link = device_link(signed.header.previous, signed.header.sequence, signed.body_hash)
    told = Registered(
        act_hash=write_base64url(signed.act_hash).decode("ascii"),
        device_link=write_base64url(link).decode("ascii"),
        index=str(booked.log_index),
        kind="receipt",
        number=signed.header.number,
        received_at="2026-11-27T08:00:00.000Z",
    )
    return 200, write_answer(told)


def register_file(folder: Path, **other: Any) -> None:
    """A ``register.json`` in a folder."""
    values: dict[str, Any] = {
        "uid": "TILL0001",
        "class": "software",
        "seller": {"tin": "100200300", "business_name": "Mill"},
        "maker": "Works",
        "model": "T1",
        "serial_number": "0001",
        "build": "ab" * 32,
        "audience": "small.example/log",
        "verification_page": "https://verify.example",
        "authority": "https://127.0.0.1:1",
        "currency": "XTS",
        "time_zone": "Europe/Belgrade",
        "languages": ["en-US"],
        "rates": [
            {
                "validFrom": "2026-01-01T00:00:00Z",
                "groupId": 7,
                "taxCategories": [
                    {"name": "VAT", "categoryType": 0, "orderId": 1, "taxRates": [{"rate": 19, "label": "A"}]}
                ],
            }
        ],
    }
    (folder / "register.json").write_text(json.dumps(values | other), encoding="utf-8")
