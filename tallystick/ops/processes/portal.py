"""The operator's pages: Django behind gunicorn, one worker process with threads.

The worker holds the health listener: the master only watches it, and threads do not live through the fork.
"""

from __future__ import annotations

import errno
import logging
import os
import secrets
import socket
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import psycopg
from gunicorn.app.base import BaseApplication  # type: ignore[import-untyped]  # gunicorn is not typed
from gunicorn.glogging import Logger  # type: ignore[import-untyped]  # gunicorn is not typed

from tallystick.kit.atomic_file import write_atomically
from tallystick.ops.health import HealthListener
from tallystick.ops.processes.context import Context
from tallystick.ops.schema.roles import PORTAL, check_working_role
from tallystick.ops.settings import PREFIX

THREADS = 4
PORTS_TRIED = 20
_SECRET_BYTES = 32


def run() -> None:
    """Serve until stopped."""
    context = Context.load("portal")
    os.environ.update(handed_down(context))
    with psycopg.connect(os.environ[f"{PREFIX}PORTAL_DSN"]) as connection:
        check_working_role(connection)
    _Site(context, bind(context.settings.host, context.settings.portal_port)).run()


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
    if not file.exists():
        write_atomically(file, secrets.token_hex(_SECRET_BYTES).encode(), mode=0o600)
    return file


def bind(host: str, port: int) -> socket.socket:
    """A listener on the first free port at or above ``port``; raises ``OSError`` when none of them is free."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for candidate in range(port, port + PORTS_TRIED):
        try:
            return socket.create_server((host, candidate), family=family, backlog=256)
        except OSError as error:
            if error.errno != errno.EADDRINUSE or port == 0:
                raise
    raise OSError(errno.EADDRINUSE, f"ports {port} to {port + PORTS_TRIED - 1} are taken")


class _Log(Logger):  # type: ignore[misc]  # gunicorn is not typed
    """Gunicorn's words go where all others go."""

    def setup(self, cfg: Any) -> None:
        """Keep the handlers of the process."""
        self.error_log.propagate = True
        self.error_log.setLevel(logging.WARNING)
        self.access_log.disabled = True


class _Site(BaseApplication):  # type: ignore[misc]  # gunicorn is not typed
    """Gunicorn without its command line."""

    def __init__(self, context: Context, listener: socket.socket) -> None:
        self._context = context
        self._port = int(listener.getsockname()[1])
        self._descriptor = listener.detach()  # gunicorn's from now on
        self._health: HealthListener | None = None
        super().__init__()

    def load_config(self) -> None:
        """Every setting that is not gunicorn's default."""
        for name, value in {
            "bind": f"fd://{self._descriptor}",
            "worker_class": "gthread",
            "workers": 1,
            "threads": THREADS,
            "timeout": 30,
            "graceful_timeout": 10,
            "limit_request_fields": 64,
            "logger_class": _Log,
            "proc_name": "tallystick-portal",
            "control_socket_disable": True,
            "post_worker_init": self._worker_ready,
            "worker_exit": self._worker_gone,
        }.items():
            self.cfg.set(name, value)

    def load(self) -> Callable[..., Any]:
        """The application, imported in the worker."""
        from tallystick.portals.wsgi import application

        return application

    def _worker_ready(self, worker: object) -> None:
        self._context.announce_port(self._port)
        self._health = self._context.health({"database": _check_database})
        self._health.start()

    def _worker_gone(self, server: object, worker: object) -> None:
        if self._health is not None:
            self._health.stop()


def _check_database() -> None:
    with psycopg.connect(os.environ[f"{PREFIX}PORTAL_DSN"], connect_timeout=2) as connection:
        connection.execute("SELECT 1")
