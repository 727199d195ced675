"""Witnesses in this process, asked through their own application as over HTTP, and a policy that names them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import attrs

from tallystick.kit.http_call import Away, Reply
from tallystick.wire.signed_note import NoteKey
from tallystick.wire.tlog_policy import Policy, PolicyGroup, PolicyLog, PolicyWitness, write_policy
from tallystick.witness.api import build_app
from tallystick.witness.folder import WitnessFolder
from tallystick.witness.operations import Witness


def ask(witness: Witness, method: str, path: str, body: bytes = b"") -> Reply:
    """One request to a witness's application."""
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    async def call() -> None:
        scope = {"type": "http", "method": method, "path": path, "query_string": b"", "headers": []}
        await build_app(witness)(scope, receive, send)

    asyncio.run(call())
    headers = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    return Reply(sent[0]["status"], headers, sent[1]["body"])


@attrs.define
class Witnesses:
    """Some witnesses; ``away`` are those that do not answer."""

    opened: list[Witness]
    clock: Callable[[], datetime]
    away: set[int] = attrs.Factory(set)

    def post(self, url: str, body: bytes) -> Reply:
        """What the worker posts with."""
        parts = urlsplit(url)
        number = int((parts.hostname or "").removeprefix("w").partition(".")[0])
        if number in self.away:
            raise Away("ConnectionRefusedError: refused")
        return ask(self.opened[number], "POST", parts.path, body)

    def trust(self, key: NoteKey) -> None:
        """All of them watch a log."""
        for witness in self.opened:
            witness.store.trust(key, 0)

    def policy(self, log: NoteKey, least: int = 2) -> bytes:
        """A policy that names all, with a quorum of some."""
        named = tuple(
            PolicyWitness(f"w{number}", witness.key, f"http://w{number}.test/witness")
            for number, witness in enumerate(self.opened)
        )
        group = PolicyGroup("all", least, tuple(one.name for one in named))
        return write_policy(Policy((PolicyLog(log),), named, (group,), "all"))


@contextmanager
def witnesses(folder: Path, count: int, clock: Callable[[], datetime] | None = None) -> Iterator[Witnesses]:
    """So many witnesses with folders of their own."""
    told = clock or (lambda: datetime.now(UTC))
    opened = []
    for number in range(count):
        made = WitnessFolder(folder / f"witness-{number}")
        made.make(f"witness.example/{number}")
        opened.append(made.open(told))
    try:
        yield Witnesses(opened, told)
    finally:
        for one in opened:
            one.store.close()
