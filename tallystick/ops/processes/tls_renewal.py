"""A server takes its renewed certificate without a restart: new connections get it, open ones stay as they are."""

from __future__ import annotations

import asyncio
import logging
import ssl
from pathlib import Path

from tallystick.crypto.pki import PkiFiles

log = logging.getLogger(__name__)

_LOOK_SECONDS = 2.0


async def follow_certificate(context: ssl.SSLContext, folder: Path, *, every_seconds: float = _LOOK_SECONDS) -> None:
    """Look for other files again and again, until cancelled. A pair that does not fit together yet is left alone."""
    files = PkiFiles(folder)
    certificate, key = files.certificate("tls"), files.private_key("tls")
    seen = _stamps(certificate, key)
    while True:
        await asyncio.sleep(every_seconds)
        found = _stamps(certificate, key)
        if found == seen:
            continue
        try:
            # Tried on a context that serves nobody: a half-written pair would leave the live one without a key.
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key)
            context.load_cert_chain(certificate, key)
        except (ssl.SSLError, OSError) as error:
            log.warning("the server's new certificate cannot be taken yet: %s", error)
            continue
        seen = found
        log.info("new connections get the server's new certificate")


def _stamps(*paths: Path) -> tuple[int, ...]:
    return tuple(path.stat().st_mtime_ns if path.exists() else 0 for path in paths)
