"""Witnesses and seals, wired: whose checkpoints are ours, how witnesses are reached, what the worker does."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import timedelta

import psycopg

from tallystick.authority.assurance.seals.tasks import seal_days
from tallystick.authority.assurance.witnesses import operations
from tallystick.authority.assurance.witnesses.exchange import CheckpointExchange
from tallystick.authority.assurance.witnesses.sightings import LogIdentity
from tallystick.authority.assurance.witnesses.tasks import ask_witnesses
from tallystick.authority.keys.queries import change_notes
from tallystick.authority.ledger.client import append_blocking
from tallystick.authority.ledger.entry import NewEntry
from tallystick.kernel.faults import Fault
from tallystick.kit.http_call import Reply, call
from tallystick.ops.processes.context import Context, DatabaseConnection, system_clock
from tallystick.ops.schema.roles import INTAKE
from tallystick.ops.self_check import check_signature
from tallystick.ops.settings import SettingsError
from tallystick.wire.key_change import accepted_log_keys
from tallystick.wire.signed_note import KeyType, NoteKey

log = logging.getLogger(__name__)

_WITNESS_SECONDS = 5.0


def log_identity(context: Context) -> LogIdentity:
    """The log's origin and its public keys as they are now, and how signatures are checked."""
    origin = context.settings.log_origin
    first = NoteKey(origin, KeyType.LOG, context.pki.public_key("log").raw)
    keys = [first]
    try:
        with psycopg.connect(context.dsn(INTAKE), connect_timeout=5) as conn:
            keys = [one.key for one in accepted_log_keys(first, change_notes(conn), check_signature)]
    except (psycopg.Error, Fault) as error:
        log.error("the log's later keys cannot be read: %s; heads that only they signed are passed over", error)
    return LogIdentity(origin=origin, keys=tuple(keys), check=check_signature)


def checkpoint_exchange(context: Context) -> CheckpointExchange:
    """What a serving process hands out and takes back, and the gate of the witnesses."""
    minutes = context.settings.witness_stop_minutes
    stop_after = timedelta(minutes=minutes) if minutes else None
    return CheckpointExchange(context.connector(INTAKE), log_identity(context), system_clock, stop_after)


class AssuranceWork:
    """The worker's duties about witnesses and seals."""

    def __init__(self, context: Context) -> None:
        """Raises ``SettingsError`` for addresses of witnesses that are none."""
        self._context = context
        self._addresses = witness_addresses(context.settings.witness_urls)

    def witnesses(self, conn: DatabaseConnection) -> None:
        """Take a change of policy that two persons want, ask the witnesses, and enter what the ledger must know."""
        operations.take_policy(conn, system_clock())
        conn.commit()
        ask_witnesses(conn, _post, check_signature, system_clock, self._addresses)
        operations.publish(conn, self._append)

    def seals(self, conn: DatabaseConnection) -> None:
        """Seal the days that have ended."""
        seal_days(conn, self._append, self._context.zone, system_clock)

    def _append(self, entry: NewEntry) -> int:
        return append_blocking(self._context.socket("sequencer"), entry).index


def witness_addresses(text: str) -> Mapping[str, str]:
    """Address by the policy's name for a witness, from the setting; raises ``SettingsError``."""
    addresses: dict[str, str] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, equals, url = part.partition("=")
        if not equals or not url.startswith(("http://", "https://")):
            raise SettingsError(f"witness_urls: {part} is not name=address")
        addresses[name.strip()] = url.strip()
    return addresses


def _post(url: str, body: bytes) -> Reply:
    return call(url, method="POST", body=body, timeout_seconds=_WITNESS_SECONDS)
