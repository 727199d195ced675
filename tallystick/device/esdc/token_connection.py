"""A TLS connection whose client key stays on its token: a child process holds it, its pipes are the connection."""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from tallystick.device.secure_element import TokenIdentity

log = logging.getLogger(__name__)

PROGRAM = "tallystick.crypto.token_program"
SAID_BYTES = 2000
"""How much of what the child says goes to the log; OpenSSL says what is wrong in its last lines."""

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@asynccontextmanager
async def token_connection(
    identity: TokenIdentity, *, uid: str, host: str, port: int, ca: Path, read_limit: int
) -> AsyncIterator[Streams]:
    """Start the child, give its pipes, and end it whatever happens. The caller bounds the time. Raises `OSError`."""
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", PROGRAM, "--module", str(identity.module), "--uri", identity.uri),
        *("--pin-file", str(identity.pin_file.absolute()), "--uid", uid, "--host", host, "--port", str(port)),
        *("--ca", str(ca), "--highest", identity.highest_tls),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        limit=read_limit,
    )
    assert child.stdin is not None
    assert child.stdout is not None
    try:
        yield child.stdout, child.stdin
    except BaseException:
        await _end(child, log_as=uid)
        raise
    await _end(child)


async def _end(child: asyncio.subprocess.Process, *, log_as: str = "") -> None:
    """End the child; on trouble its last words are ours to log. It is killed: nothing in it needs tidying."""
    if child.returncode is None:
        try:
            child.kill()
        except ProcessLookupError:
            pass
    assert child.stderr is not None
    said = await child.stderr.read(SAID_BYTES)
    await child.wait()
    if child.stdin is not None:
        child.stdin.close()
    if log_as:
        log.error("TS-3117 no token connection of %s: %s", log_as, said.decode("utf-8", "replace").strip())
