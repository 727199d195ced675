"""Background work of the authority: registrations, proofs, quarantine, tiles, witnesses, seals of days, tidying."""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import attrs
import psycopg

from tallystick.authority.channels.erp.tasks import forget_keys
from tallystick.authority.channels.sdc.tasks import remove_expired_tokens
from tallystick.authority.intake.tasks import follow_refunds
from tallystick.authority.keys import tasks as keys
from tallystick.authority.keys.store import WaitingEvent
from tallystick.authority.ledger.client import append_blocking
from tallystick.authority.ledger.entry import Channel, EntryKind, NewEntry
from tallystick.authority.ledger.tasks import export_tiles
from tallystick.authority.oversight.activity.tasks import ACTIVITY_HEAD_MEDIA_TYPE, anchor
from tallystick.authority.oversight.activity.values import Anchor
from tallystick.authority.projections.audit.tasks import decide
from tallystick.authority.projections.inspections.detector import Detector
from tallystick.authority.projections.inspections.tasks import watch
from tallystick.authority.projections.retention import operations as retention
from tallystick.authority.projections.verification.tasks import follow as follow_claims
from tallystick.authority.reference.builds.tasks import BUILD_MEDIA_TYPE, publish_decisions
from tallystick.authority.reference.builds.values import Unpublished
from tallystick.authority.reference.pki import tasks as certificate_tasks
from tallystick.authority.reference.pki.values import Issuance, KeptList
from tallystick.authority.reference.production.tasks import send_reports
from tallystick.authority.reference.registry.recognition import prune
from tallystick.authority.reference.registry.tasks import (
    REGISTRATION_MEDIA_TYPE,
    publish_devices,
    publish_registrations,
    registration_body,
)
from tallystick.authority.reference.registry.values import SecureElementEntry
from tallystick.kernel.faults import Fault
from tallystick.kernel.hashing import sha256
from tallystick.kernel.instants import unix_ms
from tallystick.kit.retry import backoff_seconds
from tallystick.ops.approved_deeds import do_approved
from tallystick.ops.erasures import Erasures
from tallystick.ops.inspections import detectors
from tallystick.ops.key_books import books_of
from tallystick.ops.national_registrations import begun_with, device_registration_of
from tallystick.ops.national_rules import NationalRules
from tallystick.ops.processes.assurance import AssuranceWork
from tallystick.ops.processes.context import Context, DatabaseConnection, system_clock
from tallystick.ops.processes.decisions import DecisionWork
from tallystick.ops.processes.proofs import proof_services
from tallystick.ops.processes.tax_queue import TaxQueueWork, serve_figures
from tallystick.ops.processes.uploads import UploadWork
from tallystick.ops.production.reports import tax_service
from tallystick.ops.rate_work import RateWork
from tallystick.ops.schema.roles import ERASER, INTAKE
from tallystick.ops.webhooks import WebhookWork

log = logging.getLogger(__name__)

Work = Callable[[DatabaseConnection], object]
_NICENESS = 5
"""Whoever waits for an answer goes first; what is done here is caught up with."""


@attrs.define
class Duty:
    """One recurring task in a thread of its own: its name, what it does, and how often."""

    name: str
    work: Work
    every: timedelta
    failing_since: float | None = None

    def check(self) -> None:
        """Health: raises when the duty has failed for a minute."""
        if self.failing_since is not None and time.monotonic() - self.failing_since > 60:
            raise RuntimeError(f"{self.name} fails")


def run() -> None:
    """Work until stopped."""
    context = Context.load("worker")
    os.nice(_NICENESS)
    stopped = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.set())
    tax_queue = TaxQueueWork.of(context, stopped)
    webhooks = WebhookWork.of(context)
    duties = _duties(context, stopped, tax_queue, webhooks)
    threads = [threading.Thread(target=_repeat, args=(context, duty, stopped), name=duty.name) for duty in duties]
    with context.health({duty.name: duty.check for duty in duties}), serve_figures(context):
        for thread in threads:
            thread.start()
        stopped.wait()
        for thread in threads:
            thread.join(15)
        tax_queue.close()
        webhooks.close()


def _duties(context: Context, stopped: threading.Event, tax_queue: TaxQueueWork, webhooks: WebhookWork) -> list[Duty]:
    quick = timedelta(milliseconds=300)
    proofs, assurance, rates = proof_services(context), AssuranceWork(context), RateWork(system_clock)
    service = tax_service(context.settings.module_reports, context.state)
    return [
        Duty("registrations", lambda conn: _publish(context, conn), quick),
        Duty("certificates", lambda conn: _publish_certificates(context, conn), timedelta(seconds=1)),
        Duty("proofs", lambda conn: decide(conn, proofs, system_clock()), quick),
        Duty("keys", lambda conn: _keys(context, conn), timedelta(seconds=1)),
        Duty("reconcile", lambda conn: _reconcile(context, conn), timedelta(hours=1)),
        Duty("tiles", lambda conn: export_tiles(conn, context.state.tiles), timedelta(seconds=1)),
        Duty("quarantine", DecisionWork(context).work, quick),
        Duty("witnesses", assurance.witnesses, timedelta(seconds=context.settings.witness_seconds)),
        Duty("seals", assurance.seals, timedelta(minutes=1)),
        Duty("module reports", lambda conn: send_reports(conn, service, system_clock()), timedelta(seconds=1)),
        Duty("tax queue", tax_queue.follow, quick),
        Duty("tax service", tax_queue.deliver, quick),
        Duty("webhooks", webhooks.send, quick),
        Duty("uploads", UploadWork(context, stopped).work, quick),
        Duty("rules", _national_rules(context).keep, timedelta(seconds=10)),
        Duty("activity", lambda conn: _anchor_activity(context, conn), timedelta(seconds=10)),
        Duty("builds", lambda conn: _publish_builds(context, conn), timedelta(seconds=2)),
        Duty("approved deeds", lambda conn: do_approved(conn, system_clock()), timedelta(seconds=1)),
        Duty("rates", rates.tell_registers, timedelta(seconds=1)),
        Duty("rates of cards", rates.tell_cards, timedelta(seconds=1)),
        Duty("first requests", lambda conn: prune(conn, system_clock()), timedelta(hours=1)),
        Duty("keys of acts", lambda conn: forget_keys(conn, system_clock()), timedelta(minutes=10)),
        Duty("tokens", lambda conn: remove_expired_tokens(conn, system_clock()), timedelta(hours=1)),
        Duty("retention", lambda conn: _retain(context, conn), timedelta(hours=1)),
        Duty("claims", follow_claims, timedelta(seconds=1)),
        Duty("refunds", follow_refunds, timedelta(seconds=1)),
        Duty("erasures", _erasures(context).work, timedelta(seconds=2)),
        *(_inspecting(one) for one in detectors(context.settings, context.pack)),
    ]


def _erasures(context: Context) -> Erasures:
    settings = context.settings
    mirror = Path(settings.mirror) if settings.mirror else context.state.mirror
    return Erasures(context.socket("sequencer"), context.dsn(ERASER), mirror, system_clock)


def _inspecting(detector: Detector) -> Duty:
    """One duty a detector: none waits for another, and none fails with another."""
    return Duty(detector.name, lambda conn: watch(conn, detector, system_clock()), timedelta(seconds=1))


def _repeat(context: Context, duty: Duty, stopped: threading.Event) -> None:
    connect = context.connector(INTAKE)
    pauses = backoff_seconds(first_seconds=0.2, most_seconds=10)
    while not stopped.is_set():
        try:
            with connect() as connection:
                while not stopped.is_set():
                    duty.work(connection)
                    connection.commit()
                    duty.failing_since = None
                    pauses = backoff_seconds(first_seconds=0.2, most_seconds=10)
                    stopped.wait(duty.every.total_seconds())
        except (psycopg.Error, Fault, OSError) as error:
            duty.failing_since = duty.failing_since or time.monotonic()
            log.warning("%s is interrupted: %s", duty.name, error)
        except Exception:
            duty.failing_since = duty.failing_since or time.monotonic()
            log.exception("%s failed", duty.name)
        stopped.wait(next(pauses))


def _publish(context: Context, conn: DatabaseConnection) -> None:
    socket = context.socket("sequencer")
    publish_registrations(conn, lambda entry: append_blocking(socket, registration_of(entry)))
    publish_devices(conn, lambda first: append_blocking(socket, device_registration_of(first)), begun_with)


def _national_rules(context: Context) -> NationalRules:
    return NationalRules(
        context.pack.algorithms, lambda entry: append_blocking(context.socket("sequencer"), entry), system_clock
    )


def _anchor_activity(context: Context, conn: DatabaseConnection) -> None:
    def append(head: Anchor) -> int:
        entry = NewEntry(
            kind=EntryKind.ACTIVITY_HEAD,
            channel=Channel.NONE,
            body=head.body,
            media_type=ACTIVITY_HEAD_MEDIA_TYPE,
            received_at_ms=unix_ms(head.at),
        )
        return append_blocking(context.socket("sequencer"), entry).index

    anchor(conn, append, system_clock())


def _publish_builds(context: Context, conn: DatabaseConnection) -> None:
    def append(body: bytes, decision: Unpublished) -> int:
        entry = NewEntry(
            kind=EntryKind.REGISTRY,
            channel=Channel.NONE,
            body=body,
            media_type=BUILD_MEDIA_TYPE,
            received_at_ms=unix_ms(decision.decided_at),
        )
        return append_blocking(context.socket("sequencer"), entry).index

    publish_decisions(conn, append)


def _publish_certificates(context: Context, conn: DatabaseConnection) -> None:
    def append(body: bytes, media_type: str, about: certificate_tasks.About) -> int:
        entry = pki_entry(body, media_type, about)
        return append_blocking(context.socket("sequencer"), entry).index

    certificate_tasks.publish(conn, append)


def pki_entry(body: bytes, media_type: str, about: certificate_tasks.About) -> NewEntry:
    """The ledger entry of a certificate, trust list or withdrawn authority (0x03) or a revocation list (0x0A)."""
    issuance = about if isinstance(about, Issuance) else None
    return NewEntry(
        kind=EntryKind.REVOCATION_LIST if isinstance(about, KeptList) else EntryKind.REGISTRY,
        channel=Channel.NONE,
        body=body,
        media_type=media_type,
        received_at_ms=unix_ms(system_clock()),
        act_hash=sha256(body),
        tin="" if issuance is None else issuance.tin,
        certificate_hash=b"" if issuance is None else issuance.certificate_hash or b"",
    )


def registration_of(entry: SecureElementEntry) -> NewEntry:
    """The ledger entry that opens the sequence of a device (S0-038)."""
    body = registration_body(entry)
    return NewEntry(
        kind=EntryKind.REGISTRY,
        channel=0,
        body=body,
        media_type=REGISTRATION_MEDIA_TYPE,
        received_at_ms=unix_ms(system_clock()),
        act_hash=sha256(body),
        device=(entry.uid, entry.uid),
        tin=entry.tin,
        certificate_hash=entry.certificate_hash,
    )


def _keys(context: Context, conn: DatabaseConnection) -> None:
    """Retire keys whose overlap has ended, and tell the ledger of every change (0x0B, 0x03)."""
    if keys.retire_keys(conn, system_clock()):
        conn.commit()
    socket = context.socket("sequencer")
    keys.publish_events(conn, lambda event: append_blocking(socket, _key_event(event)))


def _key_event(event: WaitingEvent) -> NewEntry:
    return NewEntry(
        kind=event.kind,
        channel=Channel.NONE,
        body=event.body,
        media_type=event.media_type,
        received_at_ms=unix_ms(event.at),
    )


def _reconcile(context: Context, conn: DatabaseConnection) -> None:
    """Every signature of yesterday has its explanation, or somebody is told (security 2.7)."""
    books = books_of(conn, context.settings.log_origin)
    for day in keys.reconcile_days(conn, context.uses_folder, books, now=system_clock()):
        for use in day.unexplained:
            log.critical("%s a signature that nothing explains: %s by %s", keys.UNEXPLAINED, use.use, use.label)


def _retain(context: Context, conn: DatabaseConnection) -> None:
    for kind, count in retention.carry_out(conn, context.pack.retention, "process:worker", system_clock()).items():
        log.info("%d of %s have had their time", count, kind)
