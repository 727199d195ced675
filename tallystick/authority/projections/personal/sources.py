"""Tables beside the ledger that can hold something about a person: which are read for whom, and why others are not.

A source is a query of ``person.sql`` whose name is ``KIND_SCHEMA_TABLE``. A test holds this list against every table.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType

from tallystick.authority.projections.personal.subject import Subject, SubjectKind
from tallystick.authority.room_queries import Connection
from tallystick.kit.named_sql import load_queries

_SQL = load_queries("tallystick.authority.projections.personal", "person.sql")
_ROWS_AT_ONCE = 500

READ_FOR: Mapping[SubjectKind, tuple[str, ...]] = MappingProxyType(
    {
        SubjectKind.TAXPAYER: (
            "registry.taxpayer", "registry.premises", "registry.secure_element", "registry.fiscal_device",
            "registry.device_certificate", "registry.pending_register", "registry.register_rule",
            "registry.user_taxpayer", "agreements.agreement",
            "pki.issuance", "production.order_line", "production.module",
            "intake.quarantine", "intake.evidence", "intake.refused", "intake.settled_place",
            "media.upload_file", "commands.command",
            "audit.request", "audit.override", "audit.cycle", "builds.proved", "sdc.contact", "inspections.case_file",
            "inspections.seen", "batches.batch", "batches.matter", "ecr.delivery", "ecr.contact_day", "ecr.refusal_day",
            "remote.command", "remote.result", "erp.webhook", "taxservice.item", "taxservice.receipt", "activity.entry",
            "approvals.request",
        ),
        SubjectKind.CASHIER: (),
        SubjectKind.BUYER: ("intake.quarantine", "intake.evidence", "approvals.request"),
        SubjectKind.USER: (
            "registry.app_user", "registry.user_taxpayer", "media.upload", "media.upload_file", "activity.entry",
            "approvals.request", "builds.maker", "builds.decision", "pki.issuance", "pki.enrolment_code",
            "audit.override", "inspections.case_file", "intake.quarantine", "personal.erasure", "witnesses.policy",
            "production.batch", "production.print_job", "agreements.agreement",
            "registry.pending_register", "registry.register_rule",
        ),
    }
)  # fmt: skip

_LEDGER = "the entries themselves are exported, with proofs"
_KEYS = "keys and their uses; names processes, no persons"
_PUBLIC = "what everybody may see: it names no person"
_SUMS = "counts of a nation's documents"
_NUMBERS = "numbers, states and hashes of devices that other tables tie to their taxpayer"
NOT_READ: Mapping[str, str] = MappingProxyType(
    {
        "activity.anchor": "heads of the log's chain",
        "activity.head": "the head of the log's chain",
        "audit.proof": _NUMBERS,
        "batches.device": _NUMBERS, "batches.head_report": _NUMBERS, "batches.outage": _NUMBERS,
        "batches.part": "documents on their way into the ledger; numbers and hashes of parts after that",
        "builds.build": "products of makers",
        "erp.act_key": "what a program calls its acts, for some days; the acts themselves are exported",
        "inspections.device": "sums and hours of devices, by numbers; what came of them is in the cases",
        "inspections.progress": "how far the detectors are",
        "inspections.sighting": "who scanned is not kept; what came of it is in the cases",
        "intake.decision_of_many": "how far a decision is; who made it stands in its request",
        "intake.refund_claim": _NUMBERS, "intake.refunded": _NUMBERS, "intake.progress": "how far a fold has come",
        "intake.register_state": "sums of a register's shift, made of documents that are exported",
        "keys.card": _KEYS, "keys.event": _KEYS, "keys.key": _KEYS, "keys.reconciled": _KEYS, "keys.use": _KEYS,
        "ledger.bodies": _LEDGER, "ledger.buyer_salts": _LEDGER, "ledger.leaves": _LEDGER, "ledger.records": _LEDGER,
        "ledger.checkpoints": _PUBLIC, "ledger.day_heads": _PUBLIC, "ledger.day_links": _PUBLIC,
        "ledger.device_heads": _NUMBERS, "ledger.device_links": _NUMBERS, "ledger.holes": _NUMBERS,
        "ledger.identity": _NUMBERS, "ledger.lease": "which process writes", "ledger.taxpayer_heads": _NUMBERS,
        "ledger.taxpayer_links": _NUMBERS, "ledger.tiles": _PUBLIC, "ledger.tree_state": _PUBLIC,
        "ledger.type_heads": _PUBLIC, "ledger.type_links": _PUBLIC,
        "personal.erased": _NUMBERS,
        "pki.authority": _KEYS, "pki.blocked_key": _KEYS, "pki.certified_key": "hashes of keys; the holder's "
        "certificates are exported", "pki.key_use": _KEYS, "pki.revocation_list": _PUBLIC,
        "pki.timestamp": "hashes that somebody had stamped; not whose", "pki.trust_list": _PUBLIC,
        "pki.withdrawal": _PUBLIC,
        "remote.past_command": _NUMBERS, "remote.told_rates": _NUMBERS,
        "portal.django_migrations": "which changes of the schema were made",
        "portal.django_session": "hashes of session keys, until the session ends",
        "production.number": _NUMBERS, "production.public_key": _KEYS,
        "production.report": "what the tax service was told of a module, from the rows that are exported",
        "registry.revoked_certificate": _PUBLIC,
        "remote.head": "the newest number of a device's commands, which are exported",
        "rules.adoption": _PUBLIC,
        "sdc.token": "hashes of tokens, for hours",
        "seals.day": "sums of a nation's day",
        "taxservice.progress": "how far the queue to the tax service is",
        "taxservice.standing": "whether the tax service answers",
        "taxservice.day": _SUMS, "taxservice.minute": _SUMS, "taxservice.total": _SUMS,
        "taxservice.register_seen": _NUMBERS, "taxservice.point_seen": _NUMBERS,
        "taxrates.category": _PUBLIC, "taxrates.rate": _PUBLIC, "taxrates.rate_group": _PUBLIC,
        "verification.claim": _NUMBERS, "verification.progress": "how far a fold has come",
        "vsdc.pair": "the newest signed act of a POS, until the ledger has it", "vsdc.pos": "the hash of a code; the "
        "POS stands in registry.secure_element", "vsdc.request": "hashes of requests, for some weeks",
        "vsdc.signer": _KEYS,
        "witnesses.conflict": _PUBLIC, "witnesses.cosignature": _PUBLIC, "witnesses.quorum": _PUBLIC,
        "witnesses.standing": _PUBLIC,
    }
)  # fmt: skip
"""Every other table, and why it is not read."""


def query_name(kind: SubjectKind, table: str) -> str:
    """The query that reads a table for that kind of person."""
    return f"{kind}_{table.replace('.', '_')}"


def rows_of(conn: Connection, subject: Subject, table: str, entries: Iterable[int]) -> Iterator[str]:
    """What a table holds about a person, a JSON object a row; ``entries`` are those that were found in the ledger."""
    query = _SQL[query_name(subject.kind, table)]
    with conn.cursor(name="person") as cursor:
        cursor.itersize = _ROWS_AT_ONCE
        cursor.execute(query, {"name": subject.name, "entries": list(entries)})
        for row in cursor:
            yield str(row[0])


def open_uploads(conn: Connection, subject: Subject) -> None:
    """Let row security show this transaction the uploads: those of one user, and the files of every taxpayer."""
    name = subject.name if subject.kind is SubjectKind.USER else ""
    conn.execute(_SQL["open_uploads"], {"name": name})
