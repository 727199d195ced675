"""Who may touch what in the database: five roles, their bounds in time, their rights on each room's schema.

The owner makes tables and serves nobody. The working roles own nothing, are no superuser and cannot pass row
security; a process refuses to start otherwise (`check_working_role`). Rights are given anew at each migration.
"""

from typing import Any, LiteralString

import attrs
import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

OWNER, SEQUENCER, INTAKE, PORTAL = "tallystick_owner", "tallystick_sequencer", "tallystick_intake", "tallystick_portal"
ERASER = "tallystick_eraser"
WORKING_ROLES = (SEQUENCER, INTAKE, PORTAL, ERASER)

TIMEOUTS = {
    "statement_timeout": "30s",
    "lock_timeout": "5s",
    "idle_in_transaction_session_timeout": "10s",
    "transaction_timeout": "60s",
}

_READ: LiteralString = "SELECT"
_APPEND: LiteralString = "SELECT, INSERT"
_EXTEND: LiteralString = "SELECT, INSERT, UPDATE"
_WRITE: LiteralString = "SELECT, INSERT, UPDATE, DELETE"


@attrs.frozen
class Grant:
    """What a role may do with every table of a schema."""

    role: str
    schema: str
    rights: LiteralString


GRANTS = (
    Grant(SEQUENCER, "activity", _READ),
    Grant(INTAKE, "activity", _APPEND),
    Grant(INTAKE, "approvals", _READ),
    Grant(PORTAL, "activity", _APPEND),
    Grant(PORTAL, "approvals", _APPEND),
    Grant(SEQUENCER, "keys", _READ),
    Grant(INTAKE, "keys", _EXTEND),
    Grant(PORTAL, "keys", _READ),
    Grant(SEQUENCER, "ledger", _EXTEND),
    Grant(SEQUENCER, "registry", _READ),
    Grant(INTAKE, "registry", _WRITE),
    Grant(INTAKE, "agreements", _READ),
    Grant(INTAKE, "taxrates", _WRITE),
    Grant(INTAKE, "commands", _WRITE),
    Grant(INTAKE, "remote", _APPEND),
    Grant(INTAKE, "rules", _APPEND),
    Grant(INTAKE, "builds", _EXTEND),
    Grant(INTAKE, "pki", _EXTEND),
    Grant(INTAKE, "production", _EXTEND),
    Grant(INTAKE, "sdc", _WRITE),
    Grant(INTAKE, "vsdc", _WRITE),
    Grant(INTAKE, "ecr", _APPEND),
    Grant(INTAKE, "erp", _WRITE),
    Grant(INTAKE, "media", _WRITE),
    Grant(INTAKE, "batches", _WRITE),
    Grant(INTAKE, "ledger", _READ),
    Grant(INTAKE, "intake", _WRITE),
    Grant(INTAKE, "audit", _WRITE),
    Grant(INTAKE, "inspections", _EXTEND),
    Grant(INTAKE, "personal", _APPEND),
    Grant(INTAKE, "verification", _EXTEND),
    Grant(INTAKE, "retention", _READ),
    Grant(INTAKE, "taxservice", _EXTEND),
    Grant(INTAKE, "portal", _READ),
    Grant(ERASER, "eraser", _READ),
    Grant(PORTAL, "registry", _WRITE),
    Grant(PORTAL, "agreements", _EXTEND),
    Grant(PORTAL, "taxrates", _READ),
    Grant(PORTAL, "commands", _APPEND),
    Grant(PORTAL, "remote", _APPEND),
    Grant(PORTAL, "rules", _READ),
    Grant(PORTAL, "builds", _EXTEND),
    Grant(PORTAL, "pki", _READ),
    Grant(PORTAL, "production", _EXTEND),
    Grant(PORTAL, "sdc", _READ),
    Grant(PORTAL, "media", _EXTEND),
    Grant(PORTAL, "batches", _READ),
    Grant(PORTAL, "ecr", _READ),
    Grant(PORTAL, "erp", _READ),
    Grant(PORTAL, "ledger", _READ),
    Grant(PORTAL, "intake", _READ),
    Grant(PORTAL, "audit", _READ),
    Grant(PORTAL, "inspections", _READ),
    Grant(PORTAL, "personal", _READ),
    Grant(PORTAL, "verification", _READ),
    Grant(PORTAL, "taxservice", _READ),
    Grant(PORTAL, "portal", _WRITE),
    Grant(INTAKE, "witnesses", _EXTEND),
    Grant(INTAKE, "seals", _EXTEND),
    Grant(PORTAL, "witnesses", _READ),
    Grant(PORTAL, "seals", _READ),
)


@attrs.frozen
class TableGrant:
    """What a role may do with one table, in the place of its rights on the schema."""

    role: str
    table: tuple[str, str]
    rights: LiteralString


# Two officers' word is given on the pages alone: the worker takes it and lets it expire, and can make none.
TABLE_GRANTS = (
    TableGrant(INTAKE, ("activity", "head"), "SELECT, INSERT, UPDATE"),
    TableGrant(INTAKE, ("activity", "anchor"), "SELECT, INSERT, UPDATE (entry_index)"),
    TableGrant(PORTAL, ("activity", "anchor"), "SELECT"),
    TableGrant(PORTAL, ("pki", "blocked_key"), "SELECT, INSERT"),
    TableGrant(INTAKE, ("rules", "adoption"), "SELECT, INSERT, UPDATE (entry_index)"),
    TableGrant(PORTAL, ("activity", "head"), "SELECT, INSERT, UPDATE"),
    TableGrant(INTAKE, ("approvals", "request"), "SELECT, UPDATE (state, done_at)"),
    TableGrant(
        PORTAL,
        ("approvals", "request"),
        "SELECT, INSERT (deed, object, content, reason, asked_by, asked_from, asked_as, asked_at, expires_at), "
        "UPDATE (state, decided_by, decided_from, decided_as, decided_at, done_at)",
    ),
    # Makers and their builds come in by the pages; the worker carries a revocation out and publishes decisions.
    TableGrant(INTAKE, ("builds", "maker"), "SELECT"),
    TableGrant(INTAKE, ("builds", "build"), "SELECT, UPDATE (state)"),
    TableGrant(
        INTAKE,
        ("builds", "decision"),
        "SELECT, INSERT (build_id, state, decided_by, reason, decided_at), UPDATE (entry_index)",
    ),
    TableGrant(PORTAL, ("builds", "maker"), "SELECT, INSERT"),
    TableGrant(
        PORTAL,
        ("builds", "build"),
        "SELECT, INSERT (build_id, maker, product, version, class, manifest, submitted_at), UPDATE (state)",
    ),
    TableGrant(PORTAL, ("builds", "decision"), "SELECT, INSERT (build_id, state, decided_by, reason, decided_at)"),
    TableGrant(PORTAL, ("builds", "proved"), "SELECT"),
    # A device's certificates come from the PKI alone, and an agreement only ends.
    TableGrant(INTAKE, ("registry", "device_certificate"), "SELECT, INSERT"),
    TableGrant(PORTAL, ("registry", "device_certificate"), "SELECT"),
    TableGrant(
        PORTAL,
        ("agreements", "agreement"),
        "SELECT, INSERT (number, tin, since, until, concluded_by, concluded_at), "
        "UPDATE (until, ended_by, ended_at, end_reason)",
    ),
    # A batch is two persons' matter. The station holds its row (for which PostgreSQL wants a right to update, here of
    # a column that can take no value) and makes modules; what is done to them by hand is the pages' part.
    TableGrant(INTAKE, ("production", "batch"), "SELECT, UPDATE (batch_id)"),
    TableGrant(INTAKE, ("production", "order_line"), "SELECT"),
    TableGrant(INTAKE, ("production", "module"), "SELECT, INSERT (batch_id, line, slot, taken_at, changed_at), UPDATE"),
    TableGrant(INTAKE, ("production", "number"), "SELECT, INSERT"),
    TableGrant(INTAKE, ("production", "public_key"), "SELECT, INSERT"),
    TableGrant(INTAKE, ("production", "print_job"), "SELECT"),
    TableGrant(
        PORTAL,
        ("production", "batch"),
        "SELECT, INSERT (profile, order_hash, ordered, blanks, years, asked_by, asked_at), "
        "UPDATE (request_id, state, opened_by, opened_at, closed_by, closed_at, counted_good, counted_spoilt, "
        "counted_left)",
    ),
    TableGrant(PORTAL, ("production", "order_line"), "SELECT, INSERT"),
    TableGrant(PORTAL, ("production", "number"), "SELECT"),
    TableGrant(PORTAL, ("production", "public_key"), "SELECT"),
    TableGrant(
        PORTAL,
        ("production", "print_job"),
        "SELECT, INSERT (batch_id, kind, modules, reason, made_by, made_at), UPDATE (state, printed, done_at)",
    ),
    TableGrant(INTAKE, ("keys", "key"), "SELECT, INSERT, UPDATE (state, retires_at)"),
    TableGrant(INTAKE, ("keys", "use"), "SELECT, INSERT, UPDATE (completed_at)"),
    TableGrant(INTAKE, ("keys", "event"), "SELECT, INSERT, UPDATE (log_index)"),
    TableGrant(INTAKE, ("audit", "override"), "SELECT, UPDATE (state, taken_at)"),
    # A detector opens cases and lets them vanish; only an officer closes one, and nobody changes what was seen.
    TableGrant(
        INTAKE,
        ("inspections", "case_file"),
        "SELECT, INSERT (kind, matter, tin, device, opened_at, last_seen_at, looked_at), "
        "UPDATE (state, last_seen_at, looked_at, closed_at)",
    ),
    TableGrant(INTAKE, ("inspections", "seen"), "SELECT, INSERT, UPDATE (gone_at)"),
    TableGrant(INTAKE, ("inspections", "sighting"), "SELECT, UPDATE (told), DELETE"),
    # What opens the commitment to a buyer: written by the sequencer, read where officers act, erased by the eraser.
    TableGrant(SEQUENCER, ("ledger", "buyer_salts"), "SELECT, INSERT"),
    TableGrant(INTAKE, ("ledger", "buyer_salts"), "SELECT (log_index)"),
    TableGrant(INTAKE, ("personal", "erasure"), "SELECT, INSERT, UPDATE (entry_index, done_at)"),
    TableGrant(INTAKE, ("personal", "erased"), "SELECT, INSERT, UPDATE (in_mirror)"),
    # A delivery ends and loses its contact; nothing else of it changes, and no page reads whom a receipt was sent to.
    TableGrant(
        INTAKE,
        ("ecr", "delivery"),
        "SELECT, INSERT (uid, sequence, tin, way, contact, asked_at), UPDATE (contact, state, settled_at)",
    ),
    TableGrant(INTAKE, ("ecr", "contact_day"), _EXTEND),
    TableGrant(INTAKE, ("ecr", "refusal_day"), _EXTEND),
    # Commands come from persons and are signed, fetched and answered by processes; what was wanted never changes.
    TableGrant(INTAKE, ("remote", "head"), _EXTEND),
    TableGrant(PORTAL, ("remote", "head"), _EXTEND),
    TableGrant(
        INTAKE,
        ("remote", "command"),
        "SELECT, INSERT (uid, number, kind, payload, issued_at, expires_at, request_id), "
        "UPDATE (kid, digest, compact, signed_at, fetched_at, superseded_by, superseded_at, answered_at), DELETE",
    ),
    TableGrant(INTAKE, ("remote", "result"), "SELECT, INSERT, DELETE"),
    TableGrant(INTAKE, ("remote", "past_command"), "SELECT"),
    TableGrant(PORTAL, ("remote", "past_command"), "SELECT"),
    TableGrant(PORTAL, ("remote", "told_rates"), "SELECT"),
    TableGrant(
        PORTAL,
        ("remote", "command"),
        "SELECT, INSERT (uid, number, kind, payload, issued_at, expires_at, request_id), "
        "UPDATE (superseded_by, superseded_at)",
    ),
    TableGrant(PORTAL, ("remote", "result"), "SELECT"),
    TableGrant(INTAKE, ("remote", "told_rates"), _EXTEND),
    # The queue is the worker's; the pages send a dead letter again and count that, and nothing else.
    TableGrant(INTAKE, ("taxservice", "item"), _WRITE),
    TableGrant(INTAKE, ("taxservice", "receipt"), _APPEND),
    TableGrant(INTAKE, ("taxservice", "minute"), _WRITE),
    TableGrant(PORTAL, ("taxservice", "item"), "SELECT, UPDATE (state, tries, resends, next_at)"),
    TableGrant(PORTAL, ("taxservice", "total"), _EXTEND),
    TableGrant(PORTAL, ("taxservice", "minute"), _EXTEND),
    TableGrant(PORTAL, ("taxservice", "register_seen"), "SELECT (day)"),
    TableGrant(PORTAL, ("taxservice", "point_seen"), "SELECT (day)"),
    TableGrant(INTAKE, ("portal", "django_session"), "SELECT (session_key, expire_date), DELETE"),
    TableGrant(PORTAL, ("inspections", "case_file"), "SELECT, UPDATE (state, closed_at, closed_by, reason)"),
    TableGrant(PORTAL, ("inspections", "device"), "SELECT (requested_by, signed_by)"),
    TableGrant(
        PORTAL, ("inspections", "sighting"), "SELECT (act_hash, times, first_at), INSERT, UPDATE (times, last_at)"
    ),
    TableGrant(
        PORTAL,
        ("audit", "override"),
        "SELECT, INSERT (uid, request_id, proven_counter, total_counter, excused, presumed, reason, asked_by, "
        "asked_from, asked_at, expires_at), UPDATE (state, decided_by, decided_from, decided_at)",
    ),
)


class UnsafeRole(RuntimeError):
    """A process came in with rights that it must not have."""


def make_roles(connection: psycopg.Connection[Any]) -> None:
    """Make the working roles where they are missing, and set their timeouts."""
    for role in WORKING_ROLES:
        name = sql.Identifier(role)
        if not connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role]).fetchone():
            attributes = sql.SQL("LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS NOREPLICATION")
            connection.execute(sql.SQL("CREATE ROLE {} {}").format(name, attributes))
        for setting, value in TIMEOUTS.items():
            connection.execute(
                sql.SQL("ALTER ROLE {} SET {} = {}").format(name, sql.Identifier(setting), sql.Literal(value))
            )


def give_rights(connection: psycopg.Connection[Any]) -> None:
    """Give every role its rights on the schemas that exist, and take from the public what it has by default."""
    present = {name for (name,) in connection.execute("SELECT nspname::text FROM pg_namespace").fetchall()}
    for grant in GRANTS:
        if grant.schema not in present:
            continue
        names = {"role": sql.Identifier(grant.role), "schema": sql.Identifier(grant.schema)}
        for template in (
            sql.SQL("GRANT USAGE ON SCHEMA {schema} TO {role}"),
            sql.SQL("REVOKE ALL ON ALL TABLES IN SCHEMA {schema} FROM {role}"),
            sql.SQL("GRANT {rights} ON ALL TABLES IN SCHEMA {schema} TO {role}"),
            sql.SQL("GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA {schema} TO {role}"),
            sql.SQL("GRANT EXECUTE ON ALL ROUTINES IN SCHEMA {schema} TO {role}"),
        ):
            connection.execute(template.format(rights=sql.SQL(grant.rights), **names))

    for one in TABLE_GRANTS:
        if one.table[0] not in present:
            continue
        parts = {"role": sql.Identifier(one.role), "table": sql.Identifier(*one.table)}
        connection.execute(sql.SQL("REVOKE ALL ON {table} FROM {role}").format(**parts))
        connection.execute(sql.SQL("GRANT {rights} ON {table} TO {role}").format(rights=sql.SQL(one.rights), **parts))


def as_role(dsn: str, role: str) -> str:
    """The connection string of the owner, turned into that of a working role.

    On our own socket the role signs in itself. On a server that exists the login stays and the session takes the
    role and its timeouts on, since the roles there have no passwords unless an administrator gives them some.
    """
    parts = conninfo_to_dict(dsn)
    if str(parts.get("host", "")).startswith("/") and not parts.get("password"):
        return make_conninfo(dsn, user=role)
    options = " ".join(f"-c {name}={value}" for name, value in ({"role": role} | TIMEOUTS).items())
    return make_conninfo(dsn, options=f"{parts.get('options', '') or ''} {options}".strip())


def check_working_role(connection: psycopg.Connection[Any]) -> None:
    """Refuse to serve with a role that could pass row security or change tables; raises `UnsafeRole`."""
    row = connection.execute(
        """SELECT current_user::text, rolsuper OR rolbypassrls,
                  EXISTS (SELECT 1 FROM pg_class WHERE relowner = pg_roles.oid)
           FROM pg_roles WHERE rolname = current_user"""
    ).fetchone()
    assert row is not None
    if row[1] or row[2]:
        raise UnsafeRole(
            f"the role {row[0]} owns tables or stands above row security; serve with one of {WORKING_ROLES}"
        )
