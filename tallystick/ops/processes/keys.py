"""A process that holds the authority's keys, or the session with the token, for the other processes."""

from __future__ import annotations

import logging

from tallystick.authority.keys.signing_desk import SigningDesk, run_keys
from tallystick.authority.keys.signing_unit import SigningUnit
from tallystick.authority.keys.use_journal import UseJournal
from tallystick.crypto.key_purposes import KeyPurpose
from tallystick.kernel.faults import Fault
from tallystick.ops.key_store import EVERY_PURPOSE, store_opener
from tallystick.ops.processes.context import Context, keys_name, system_clock

log = logging.getLogger(__name__)

PURPOSES = EVERY_PURPOSE - {KeyPurpose.INVOICE, KeyPurpose.WRAPPING}
"""Invoices have a process of their own (`signer`), and wrapped keys are opened by `unwrap` alone."""


def run(number: int = 1) -> None:
    """Serve until stopped, as the ``number``-th of ``key_processes``."""
    name = keys_name(number)
    context = Context.load(name)
    desk = SigningDesk(
        store_opener(context.settings, context.state, only=PURPOSES),
        UseJournal(context.uses_folder, name, system_clock),
    )
    try:
        _ = desk.store
    except Fault as fault:  # away for now: it is opened at the first request that finds it there
        log.error("the key store is away: %s", fault)
    socket = context.socket(name)
    with context.health({"serving": lambda: _check_socket(SigningUnit(socket))}):
        run_keys(socket, desk)


def _check_socket(unit: SigningUnit) -> None:
    """Readiness: the desk answers, and its store does."""
    try:
        unit.check()
    finally:
        unit.close()
