"""A serving process takes over the renewed server certificate without a restart; connections that stand go on."""

from __future__ import annotations

import asyncio
import logging
import ssl
from pathlib import Path

from tallystick.crypto.pki_files import PkiFiles
from tallystick.crypto.tls import take_server_certificate

log = logging.getLogger(__name__)
LOOK_SECONDS = 2.0


async def follow_server_certificate(
    context: ssl.SSLContext, folder: Path, *, look_seconds: float = LOOK_SECONDS
) -> None:
    """Look at the file now and then, and use what is new for new connections; runs until it is cancelled."""
    file = PkiFiles(folder).certificate("tls")
    used = file.stat().st_mtime_ns
    while True:
        await asyncio.sleep(look_seconds)
        try:
            found = file.stat().st_mtime_ns
            if found != used:
                take_server_certificate(context, folder)
                used = found
                log.info("the server's certificate was exchanged")
        except (OSError, ssl.SSLError) as error:  # half of it is there: the next look
            log.warning("the renewed server certificate cannot be used yet: %s", error)
