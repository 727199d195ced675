"""A serving process takes over a renewed server certificate, and authorities that followed others, without a restart.

Connections that stand go on.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from pathlib import Path

from tallystick.crypto.branches import authority_names
from tallystick.crypto.pki_files import PkiFiles
from tallystick.crypto.tls import take_authorities, take_server_certificate

log = logging.getLogger(__name__)
LOOK_SECONDS = 2.0


async def follow_server_certificate(
    context: ssl.SSLContext,
    folder: Path,
    branches: tuple[str, ...] = ("secure-element-ca",),
    *,
    look_seconds: float = LOOK_SECONDS,
) -> None:
    """Look at the folder now and then, and use what is new for new connections; runs until it is cancelled.

    Clients show certificates of the ``branches``, as `tls_server_context` takes them.
    """
    file = PkiFiles(folder).certificate("tls")
    used, believed = file.stat().st_mtime_ns, authority_names(folder, *branches)
    while True:
        await asyncio.sleep(look_seconds)
        try:
            found = file.stat().st_mtime_ns
            if found != used:
                take_server_certificate(context, folder)
                used = found
                log.info("the server's certificate was exchanged")
            names = authority_names(folder, *branches)
            if names != believed:
                take_authorities(context, folder, branches)
                log.info("clients may show certificates of %s", ", ".join(sorted(set(names) - set(believed))))
                believed = names
        except (OSError, ssl.SSLError) as error:  # half of it is there: the next look
            log.warning("a renewed certificate, or a new authority, cannot be used yet: %s", error)
