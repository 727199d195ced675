"""A monitor over logs that lie: it recomputes the root from the entries and compares places (S0-041)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import attrs
import pytest
from small_log import SmallLog, small_log

from tallystick.crypto.keys import PrivateKey, generate_ed25519_key
from tallystick.crypto.signatures import sign_ed25519
from tallystick.kernel.merkle import inclusion_path
from tallystick.kit.http_call import Away, Reply
from tallystick.wire.key_change import CHANGES_PATH, KeyChange, NamedKey, write_key_change, write_key_changes
from tallystick.wire.signed_note import KeyType, NoteKey, Sign, parse_note
from tallystick.wire.tiles import ENTRIES, parse_tile_path, write_bundle
from tallystick.wire.tlog_proof import TlogProof, write_proof
from tallystick.witness.folder import check_ed25519
from tallystick.witness.monitor import FORK, HIDDEN, NOT_THERE, OTHER_KEYS, SMALLER, Monitor
from tallystick.witness.monitor_store import MonitorStore

LOG, OTHER = "http://log.test/x", "http://witness.test/head"


@attrs.define
class Web:
    """What each address shows; a test changes it."""

    log: SmallLog
    shown: bytes = b""
    head: bytes = b""
    changes: list[bytes] = attrs.Factory(list)
    told: list[str] = attrs.Factory(list)

    def get(self, url: str, most: int) -> Reply:
        if url == OTHER:
            return Reply(200, {}, self.shown) if self.shown else Reply(404, {}, b"")
        path = url.removeprefix(f"{LOG}/")
        if path == CHANGES_PATH:
            return Reply(200 if self.changes else 404, {}, write_key_changes(self.changes))
        if path == "checkpoint":
            return Reply(200, {}, self.head or self.log.note())
        tile = parse_tile_path(path)
        if tile.level == ENTRIES:
            entries = self.log.entries[tile.index * 256 : tile.index * 256 + tile.width]
            return Reply(200, {}, write_bundle(entries)) if len(entries) == tile.width else Reply(404, {}, b"")
        first = tile.index * 256
        count = len(self.log.entries) >> (8 * tile.level)
        if first + tile.width > count:
            return Reply(404, {}, b"")
        hashes = [self.log.hash_at(8 * tile.level, first + at) for at in range(tile.width)]
        return Reply(200, {}, b"".join(hashes))


Make = Callable[..., Monitor]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    def monitor(web: Web, proofs: tuple[Path, ...] = ()) -> Monitor:
        return Monitor(
            key=web.log.key,
            prefix=LOG,
            places=[OTHER],
            proofs=proofs,
            store=MonitorStore(tmp_path / "monitor.sqlite"),
            get=web.get,
            check=check_ed25519,
            clock=lambda: datetime(2026, 3, 1, tzinfo=UTC),
            say=web.told.append,
        )

    return monitor


def whats(monitor: Monitor) -> list[str]:
    return [alarm.what for alarm in monitor.store.alarms(monitor.key.name)]


def test_an_honest_log_is_followed_across_tiles_and_restarts(make: Make) -> None:
    web = Web(small_log(300))
    web.shown = web.log.note(123)
    assert make(web).look()
    web.log.entries.extend(b"later %d" % number for number in range(450))
    web.shown = web.log.note(600)
    again = make(web)
    assert again.look()
    assert again.store.followed(web.log.key.name).size == 750
    assert not whats(again)


def test_a_root_that_the_entries_do_not_give_is_an_alarm(make: Make) -> None:
    web = Web(small_log(20))
    web.head = web.log.changed(3, b"shown to others").note()
    monitor = make(web)
    assert not monitor.look()
    assert len(whats(monitor)) == 1
    assert monitor.store.followed(web.log.key.name).size == 0, "it is not taken"
    assert not make(web).look(), "an alarm stays, and is kept once"
    assert len(whats(monitor)) == 1


def test_a_rewritten_log_and_a_smaller_one_are_alarms_with_both_notes(make: Make) -> None:
    web = Web(small_log(300))
    monitor = make(web)
    assert monitor.look()
    before = web.log
    web.log = SmallLog([*before.changed(7, b"x").entries, b"more"], before.private)
    assert not monitor.look()
    web.log = before.cut(200)
    monitor.look()
    web.log = before.changed(9, b"y")
    monitor.look()
    assert len(whats(monitor)) == 3
    assert SMALLER in whats(monitor)
    assert FORK in whats(monitor)
    alarm = monitor.store.alarms(before.key.name)[1]
    assert (alarm.ours, alarm.theirs) == (before.note(), before.cut(200).note())


def test_a_split_view_is_found_at_the_other_place_whatever_its_size(make: Make) -> None:
    web = Web(small_log(300))
    fork = web.log.changed(3, b"for the other office")
    monitor = make(web)
    for size in (300, 299, 5, 256):
        web.shown = fork.note(size)
        monitor.look()
    assert whats(monitor) == [FORK] * 4
    for size in (0, 1, 3, 300):  # these parts are common, or the log's own
        web.shown = web.log.note(size)
        monitor.look()
    assert len(whats(monitor)) == 4


def test_what_only_others_were_shown_is_pending_once_and_then_an_alarm(make: Make) -> None:
    web = Web(small_log(300))
    longer = SmallLog([*web.log.entries, b"one more"], web.log.private)
    web.shown = longer.note()
    monitor = make(web)
    assert monitor.look(), "the log may only be slow"
    short, web.log = web.log, longer
    assert monitor.look(), "and it was"
    web.log = SmallLog([*longer.entries, b"two more"], short.private)
    web.shown, web.log = web.log.note(), longer
    assert monitor.look()
    assert not monitor.look()
    assert whats(monitor) == [HIDDEN]


def test_a_proof_that_somebody_was_given_must_stay_true(make: Make, tmp_path: Path) -> None:
    web = Web(small_log(300))
    path = inclusion_path(7, 290, web.log.hash_at)
    proof = TlogProof(7, tuple(path), parse_note(web.log.note(290)), web.log.entries[7])
    file = tmp_path / "mine.tlog-proof"
    file.write_bytes(write_proof(proof))
    monitor = make(web, (file,))
    assert monitor.look()
    web.log = web.log.changed(7, b"gone")
    fresh = MonitorStore(tmp_path / "fresh.sqlite")
    other = attrs.evolve(monitor, store=fresh)
    assert not other.look()
    assert {NOT_THERE, FORK} <= set(whats(other))


def test_what_cannot_be_reached_or_read_is_told_and_is_no_alarm(make: Make) -> None:
    web = Web(small_log(300))
    monitor = make(web)
    web.shown = b"nonsense"
    assert monitor.look()
    web.shown = SmallLog(web.log.entries, small_log(1).private).note()  # another key
    assert monitor.look()

    def away(url: str, most: int) -> Reply:
        raise Away("refused")

    assert attrs.evolve(monitor, get=away).look()
    assert any("cannot be followed" in line for line in web.told)
    assert not whats(monitor)


def followed_by(log: SmallLog, new: PrivateKey, since: int = 1) -> bytes:
    """The log's note that a key follows its own."""
    change = KeyChange(
        origin=log.origin,
        series="log",
        old=NamedKey("log", log.private.public.spki),
        new=NamedKey("log-2", new.public.spki),
        since_ms=since,
        until_ms=since + 90,
    )
    key = NoteKey(log.origin, KeyType.LOG, new.public.raw)
    signers: list[tuple[NoteKey, Sign]] = [
        (log.key, lambda message: sign_ed25519(log.private, message)),
        (key, lambda message: sign_ed25519(new, message)),
    ]
    return write_key_change(change, signers)


def test_s0_041_a_later_key_is_learned_from_the_logs_own_notes(make: Make) -> None:
    """By whoever holds the old one alone; what was believed once is not exchanged."""
    before = small_log(20)
    web, new = Web(before), generate_ed25519_key()
    assert make(web).look()
    later = SmallLog([*before.entries, b"more"], new)
    web.head, web.shown = later.note(), later.note(20)
    monitor = make(web)
    monitor.look()
    assert monitor.store.followed(before.key.name).size == 20, "a key that nobody vouches for says nothing"
    web.log, web.changes = SmallLog(later.entries, before.private), [followed_by(before, new)]
    assert make(web).look()
    assert monitor.store.followed(before.key.name).size == 21
    assert not whats(monitor)

    web.changes = []
    web.shown = later.changed(3, b"x").note(20)
    again = make(web)
    assert not again.look(), "also when the log hands its notes out no more"
    assert whats(again) == [FORK]

    web.changes = [followed_by(before, generate_ed25519_key(), since=2)]
    make(web).look()
    assert OTHER_KEYS in whats(again)


def test_notes_that_lead_nowhere_teach_nothing(make: Make) -> None:
    before = small_log(20)
    web, new = Web(before), generate_ed25519_key()
    stranger = SmallLog(before.entries, new)
    web.head = stranger.note()
    forged = followed_by(stranger, new)
    for changes in ([forged], [b"x"], [b""], [forged[:-1]]):
        web.changes = changes
        monitor = make(web)
        monitor.look()
        assert monitor.store.followed(before.key.name).size == 0
        assert monitor.store.key_changes(before.key.name) == []
