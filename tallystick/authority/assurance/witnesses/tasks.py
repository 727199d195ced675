"""One round with the witnesses: each is shown the newest checkpoint with a proof from what it cosigned last.

What a witness refuses is told apart: it is away, it is behind (then a second proof is made), or it holds another
history of this ledger than we do. The last is kept as a contradiction, whoever is right.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from datetime import datetime, timedelta

import attrs

from tallystick.authority.assurance.witnesses import metrics, operations, queries, store
from tallystick.authority.assurance.witnesses.values import Contradiction, Lateness, WatchedBy
from tallystick.authority.ledger import queries as ledger
from tallystick.authority.room_queries import Connection
from tallystick.kernel.faults import Fault
from tallystick.kernel.instants import from_unix_ms
from tallystick.kit.http_call import Away, Reply
from tallystick.wire.signed_note import (
    Check,
    Checkpoint,
    NoteSignature,
    SignedNote,
    cosigned_at,
    parse_checkpoint,
    parse_note,
    parse_signature_lines,
    verify_note,
)
from tallystick.wire.witness_request import parse_size, write_add_checkpoint

log = logging.getLogger(__name__)

Post = Callable[[str, bytes], Reply]
"""Posts a body to an address; raises ``Away``."""
REFRESH_AFTER = timedelta(seconds=50)
"""A checkpoint that has not grown is cosigned anew then, so that a witness is never late only because it is night."""
_ROUNDS = 2


@attrs.frozen(slots=True)
class _Head:
    """Our newest checkpoint."""

    note: bytes
    parsed: SignedNote
    checkpoint: Checkpoint

    @property
    def size(self) -> int:
        return self.checkpoint.size


@attrs.frozen(slots=True)
class _Asked:
    watched: WatchedBy
    old_size: int
    body: bytes

    @property
    def verifier_key(self) -> str:
        return self.watched.witness.key.verifier_key


def ask_witnesses(
    conn: Connection,
    post: Post,
    check: Check,
    clock: Callable[[], datetime],
    addresses: Mapping[str, str] = {},
) -> int:
    """Ask every witness of the policy that is due; how many cosigned. No transaction is open while they are asked.

    ``addresses`` go before those of the policy, by its names for the witnesses.
    """
    note = ledger.newest_checkpoint(conn)
    watched = [_reached_at(one, addresses) for one in queries.watched_by(conn)]
    if note and watched:
        parsed = parse_note(note)
        head = _Head(note, parsed, parse_checkpoint(parsed.text))
        due = [(one, min(one.standing.size, head.size)) for one in watched if _is_due(one, head.size, clock())]
        cosigned = _ask_all(conn, head, due, post, check, clock)
        _meet_quorum(conn, head.size, clock())
        conn.commit()
    else:
        cosigned = 0
    _measure(conn, clock())
    return cosigned


def _reached_at(one: WatchedBy, addresses: Mapping[str, str]) -> WatchedBy:
    url = addresses.get(one.witness.name, one.witness.url)
    return attrs.evolve(one, witness=attrs.evolve(one.witness, url=url))


def _is_due(one: WatchedBy, size: int, now: datetime) -> bool:
    standing = one.standing
    if not one.witness.url:
        return False
    return bool(
        standing.size != size
        or standing.trouble
        or standing.cosigned_at is None
        or now - standing.cosigned_at >= REFRESH_AFTER
    )


def _ask_all(
    conn: Connection,
    head: _Head,
    due: Sequence[tuple[WatchedBy, int]],
    post: Post,
    check: Check,
    clock: Callable[[], datetime],
) -> int:
    cosigned = 0
    for _ in range(_ROUNDS):
        if not due:
            break
        asked = [_Asked(one, old, _request(conn, head, old)) for one, old in due]
        conn.commit()
        due = []
        for one, reply in _post_all(asked, post):
            again = _take(conn, head, one, reply, check, clock())
            if again is None:
                cosigned += isinstance(reply, Reply) and reply.status == 200
            else:
                due.append((one.watched, again))
        conn.commit()
    return cosigned


def _request(conn: Connection, head: _Head, old_size: int) -> bytes:
    proof = ledger.consistency_proof(conn, old_size, head.size) if 0 < old_size < head.size else []
    return write_add_checkpoint(old_size, proof, head.note)


def _post_all(asked: Sequence[_Asked], post: Post) -> Iterable[tuple[_Asked, Reply | Away]]:
    """Every answer as it comes: a witness that is slow holds up nobody's but its own."""

    def send(one: _Asked) -> Reply | Away:
        try:
            return post(f"{one.watched.witness.url.rstrip('/')}/add-checkpoint", one.body)
        except Away as away:
            return away

    with ThreadPoolExecutor(max(1, len(asked)), "witness") as threads:
        sent = {threads.submit(send, one): one for one in asked}
        for done in as_completed(sent):
            yield sent[done], done.result()


def _take(conn: Connection, head: _Head, one: _Asked, reply: Reply | Away, check: Check, now: datetime) -> int | None:
    """Keep what a witness answered; the old size to ask it with once more, none when that is all."""
    key = one.verifier_key
    if isinstance(reply, Away):
        store.note_trouble(conn, key, str(reply)[:200], now)
        return None
    try:
        if reply.status == 200:
            _keep_line(conn, head, one, reply.body, check, now)
            return None
        if reply.status == 409:
            return _behind(conn, head, one, parse_size(reply.body), now)
    except Fault as fault:
        store.note_trouble(conn, key, f"{fault.code}: {fault.detail}"[:200], now)
        return None
    if reply.status == 422:
        _contradicted(conn, head, one, Contradiction.PROOF_REFUSED, reply.body, now)
    store.note_trouble(conn, key, f"HTTP {reply.status}", now)
    return None


def _keep_line(conn: Connection, head: _Head, one: _Asked, body: bytes, check: Check, now: datetime) -> None:
    key = one.watched.witness.key
    lines = [line for line in parse_signature_lines(body) if (line.name, line.key_id) == (key.name, key.key_id)]
    verify_note(SignedNote(head.parsed.text, tuple(lines)), (key,), check)
    line: NoteSignature = lines[0]
    said_at = from_unix_ms(cosigned_at(line) * 1000)
    store.keep_cosignature(conn, head.size, key.verifier_key, line.line, said_at)
    store.note_cosigned(conn, key.verifier_key, head.size, now)


def _behind(conn: Connection, head: _Head, one: _Asked, size: int, now: datetime) -> int | None:
    """The witness has cosigned another size than we built on, or this size with another root."""
    if size > head.size:
        _contradicted(conn, head, one, Contradiction.BEYOND_OUR_TREE, b"size %d\n" % size, now)
    elif size == one.old_size:
        _contradicted(conn, head, one, Contradiction.ANOTHER_ROOT, b"another root of size %d\n" % size, now)
    else:
        store.note_size(conn, one.verifier_key, size)
        return size
    store.note_trouble(conn, one.verifier_key, f"TS-3045: it has cosigned {size} entries of another history", now)
    return None


def _contradicted(
    conn: Connection, head: _Head, one: _Asked, what: Contradiction, theirs: bytes, now: datetime
) -> None:
    operations.keep_conflict(conn, f"witness:{one.watched.witness.key.name}", what, head.size, head.note, theirs, now)


def _meet_quorum(conn: Connection, size: int, now: datetime) -> None:
    """Note the quorum while its witnesses are prompt: an old line of one that is silent now does not count for ever."""
    in_force = store.policy(conn)
    if in_force is None:
        return
    signed = {key for key, _ in store.cosignatures(conn, size)}
    prompt = [
        one.witness.key
        for one in queries.watched_by(conn)
        if one.witness.key.verifier_key in signed and one.standing.lateness(now) is Lateness.PROMPT
    ]
    if prompt and in_force.policy.is_met_by(prompt):
        store.meet_quorum(conn, size, in_force.version, now)


def _measure(conn: Connection, now: datetime) -> None:
    """Figures and one line a round about who is late; the pages tell people after a while."""
    watched = queries.watched_by(conn)
    late = [one.witness.name for one in watched if one.standing.lateness(now) is not Lateness.PROMPT]
    metrics.LATE.set(len(late))
    metrics.CONFLICTS.set(store.count_conflicts(conn))
    age = queries.quorum_age(conn, now)
    metrics.QUORUM_AGE_SECONDS.set(age.total_seconds() if age is not None else 0)
    conn.commit()
    if late:
        log.warning("witnesses are late", extra={"witnesses": late})
