"""What every process starts from: settings, folders, the country and its keys, the database, signs of life."""

from __future__ import annotations

import asyncio
import gc
import resource
import signal
import sys
import threading
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import attrs
import psycopg
import uvloop

from tallystick.authority.keys.signing_unit import SigningUnit
from tallystick.crypto.pki import DemoPki
from tallystick.crypto.policy import install_registry
from tallystick.kernel.country_pack import CountryPack
from tallystick.kit.atomic_file import write_atomically
from tallystick.ops.health import Check, HealthListener, event_loop_check
from tallystick.ops.logs import configure_logging
from tallystick.ops.packs import load_pack
from tallystick.ops.pki_folder import open_pki, unit_at
from tallystick.ops.schema.roles import as_role
from tallystick.ops.settings import Settings, SettingsError, load_settings
from tallystick.ops.state_folder import StateFolder

_FILES = 65_536
"""How many files and connections a process may have open, where its account lets it: the usual 1,024 are fewer than the
connections that one listener bears."""
DatabaseConnection = psycopg.Connection[Any]
_SWITCH_SECONDS = 0.0005
"""How long a thread, reading from the database for example, may keep the interpreter while the loop waits for it.

The loop gives it up at every system call, so with Python's 5 ms one busy thread makes each request wait many times.
"""


def unwrap_name(number: int) -> str:
    """The name of the ``number``-th process that opens packages, counted from 1."""
    return "unwrap" if number == 1 else f"unwrap-{number}"


def vsdc_name(number: int) -> str:
    """The name of the ``number``-th process of the hosted signer, counted from 1."""
    return "vsdc" if number == 1 else f"vsdc-{number}"


def ecr_name(number: int) -> str:
    """The name of the ``number``-th process of the national online channel, counted from 1."""
    return "ecr" if number == 1 else f"ecr-{number}"


def keys_name(number: int) -> str:
    """The name of the ``number``-th process that holds the authority's keys, counted from 1."""
    return "keys" if number == 1 else f"keys-{number}"


def system_clock() -> datetime:
    """The machine's clock, in UTC; handed inwards from here."""
    return datetime.now(UTC)


@attrs.frozen(slots=False, kw_only=True)
class Context:
    """The surroundings of one process."""

    name: str
    settings: Settings
    state: StateFolder
    serving: threading.Event = attrs.field(factory=threading.Event)

    @classmethod
    def load(cls, name: str) -> Context:
        """Read the settings and start logging; raises ``SettingsError``."""
        settings = load_settings()
        configure_logging(name, level=settings.log_level, form=settings.log_format)
        context = cls(name=name, settings=settings, state=StateFolder.of(settings.state))
        install_registry(context.pack.algorithms)
        return context

    @cached_property
    def pack(self) -> CountryPack:
        """The country's rules."""
        return load_pack(self.settings.country)

    @cached_property
    def zone(self) -> ZoneInfo:
        """The authority's local time."""
        return ZoneInfo(self.pack.time_zone)

    @cached_property
    def pki(self) -> DemoPki:
        """The authority's keys and certificates."""
        return open_pki(self.state, self.pack, self.settings.pki_url)

    @property
    def environment_name(self) -> str:
        """The name of the environment as devices see it."""
        return "DEMO" if self.settings.timing == "demo" else "PRODUCTION"

    def dsn(self, role: str) -> str:
        """The connection string of a working role; raises ``SettingsError`` without a database."""
        if not self.settings.database_url:
            raise SettingsError("database_url: this process needs the database, name it")
        return as_role(self.settings.database_url, role)

    def connector(self, role: str) -> Callable[[], DatabaseConnection]:
        """A function that opens connections of a role."""
        dsn = self.dsn(role)
        return lambda: psycopg.connect(dsn, connect_timeout=5)

    def check_database(self, role: str) -> None:
        """Readiness: raises when the database does not answer; the listener bounds the time."""
        with psycopg.connect(self.dsn(role), connect_timeout=2) as connection:
            connection.execute("SELECT 1")

    def socket(self, process: str) -> Path:
        """The UNIX socket of a process."""
        return self.state.run / f"{process}.sock"

    @property
    def unwrap_sockets(self) -> tuple[Path, ...]:
        """The sockets of all processes that open packages."""
        return tuple(self.socket(unwrap_name(number)) for number in range(1, self.settings.unwrap_processes + 1))

    def signing_unit(self) -> SigningUnit:
        """This process's door to the processes that hold the authority's keys."""
        names = (keys_name(number) for number in range(1, self.settings.key_processes + 1))
        return unit_at(*sorted(self.socket(name) for name in names))

    @property
    def uses_folder(self) -> Path:
        """Where the key processes write down what they sign."""
        return self.state.keys / "uses"

    def announce_port(self, port: int) -> None:
        """Say where this process serves, and that it does."""
        write_atomically(self.state.run / f"{self.name}.port", str(port).encode(), durable=False)
        self.serving.set()

    def check_serving(self) -> None:
        """Readiness: raises until the process serves."""
        if not self.serving.is_set():
            raise RuntimeError("not serving yet")

    def health(self, checks: Mapping[str, Check]) -> HealthListener:
        """The private listener of this process, announced in the run folder."""
        announce = self.state.run / f"{self.name}.health"
        return HealthListener(self.name, checks, port=self.settings.health_port, announce=announce)


def run_until_stopped(
    context: Context, serve: Callable[[asyncio.Event], Awaitable[None]], *, database_role: str = ""
) -> None:
    """Run an asynchronous process until SIGTERM or SIGINT sets the event.

    With a role, the process is ready only while the database answers that role.
    """

    async def main() -> None:
        _allow_files()
        gc.freeze()  # what was imported stays for good: no collection need walk over it
        gc.set_threshold(10_000, 20, 20)  # requests leave hardly any cycles behind
        sys.setswitchinterval(_SWITCH_SECONDS)
        stopped = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stopped.set)
        checks: dict[str, Check] = {"event loop": event_loop_check(loop), "serving": context.check_serving}
        if database_role:
            checks["database"] = lambda: context.check_database(database_role)
        with context.health(checks):
            await serve(stopped)

    uvloop.run(main())


def _allow_files() -> None:
    """Raise the soft limit, as far as the hard one goes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _FILES if hard == resource.RLIM_INFINITY else min(_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
