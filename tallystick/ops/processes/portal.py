"""The operator's pages: Django in a few threads behind our own HTTP server, which first reads a request to its end."""

from __future__ import annotations

import asyncio
import os
import secrets
from urllib.parse import urlsplit

import psycopg

from tallystick.kernel.limits import LIMITS
from tallystick.kit.atomic_file import read_or_make
from tallystick.kit.http_server import HttpLimits, Server
from tallystick.kit.wsgi import WsgiBridge
from tallystick.ops.processes.context import Context, run_until_stopped
from tallystick.ops.schema.roles import PORTAL, check_working_role
from tallystick.ops.settings import PREFIX

THREADS = 4
LONGEST_UPLOAD_SECONDS = 900
_SECRET_BYTES = 32


def run() -> None:
    """Serve until stopped."""
    context = Context.load("portal")
    os.environ.update(handed_down(context))
    with psycopg.connect(os.environ[f"{PREFIX}PORTAL_DSN"]) as connection:
        check_working_role(connection)
    run_until_stopped(context, lambda stopped: _serve(context, stopped), database_role=PORTAL)


async def _serve(context: Context, stopped: asyncio.Event) -> None:
    from tallystick.portals.bodies import bytes_taken
    from tallystick.portals.wsgi import application  # settings are read from the environment when it is imported

    bridge = WsgiBridge(
        application,
        bytes_taken,
        threads=THREADS,
        small_body_bytes=LIMITS.control_call_bytes,
        scheme="http" if os.environ[f"{PREFIX}PORTAL_SECURE"] == "0" else "https",
    )
    limits = HttpLimits(body_seconds=LONGEST_UPLOAD_SECONDS)
    server = Server(bridge, context.settings.host, context.settings.portal_port, limits=limits)
    context.announce_port(await server.start())
    await stopped.wait()
    await server.stop()
    bridge.close()


def handed_down(context: Context) -> dict[str, str]:
    """What the pages are told by the environment, for they must not import this floor; a supervisor's word stands."""
    settings = context.settings
    address = urlsplit(settings.portal_url)
    hosts = {"localhost", "127.0.0.1", address.hostname or "localhost"}
    told = {
        "DSN": context.dsn(PORTAL),
        "SECRET_FILE": str(_secret_file(context)),
        "HOSTS": ",".join(sorted(hosts)),
        "SECURE": "1" if address.scheme == "https" else "0",
        "DEMO": "1" if settings.timing == "demo" else "0",
        "COUNTRY": context.pack.name,
    }
    return {f"{PREFIX}PORTAL_{name}": os.environ.get(f"{PREFIX}PORTAL_{name}", value) for name, value in told.items()}


def _secret_file(context: Context) -> os.PathLike[str]:
    """The signing secret, made once: sessions and links outlive a restart."""
    file = context.state.keys / "portal-secret"
    read_or_make(file, lambda: secrets.token_hex(_SECRET_BYTES).encode())
    return file
