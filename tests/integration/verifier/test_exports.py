"""Exports and the offline verifier: what holds is silent, what does not is named, and bad input has a code."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from base64 import b64encode
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from export_bench import REPOSITORY, SALES, SINCE, codes, entries, run, spoil
from second_verifier import check, newest_root
from signed_ledger import SignedLedger

from tallystick.authority.ledger.export import ExportScope, export_ledger
from tallystick.crypto.certificates import der_of
from tallystick.crypto.keys import generate_ed25519_key
from tallystick.crypto.signatures import sign_ed25519
from tallystick.kernel.hashing import sha256
from tallystick.kernel.instants import epoch_day
from tallystick.verifier.breaks import Break, BreakCode
from tallystick.verifier.hashes import device_genesis
from tallystick.verifier.joining import Joiner
from tallystick.verifier.part_report import PartReport
from tallystick.verifier.policy import read_policy
from tallystick.verifier.run import verify
from tallystick.verifier.stretches import Registration, Stretch
from tallystick.wire.ledger_export import Part
from tallystick.wire.signed_note import (
    Checkpoint,
    KeyType,
    NoteKey,
    SignedNote,
    cosign_note,
    parse_note,
    sign_note,
    write_note,
)

# --- what holds -------------------------------------------------------------------------------------------------


def test_s0_040_a_whole_ledger_verifies_with_public_keys_alone(whole: Path, signed: SignedLedger) -> None:
    outcome, found = run(whole, signed)
    assert outcome.is_whole, found
    assert outcome.tally["signatures"] == SALES
    assert outcome.tally["numbers that have not arrived"] == 0
    assert outcome.heads_compared > 2
    assert not outcome.notes


def test_all_cores_say_the_same(whole: Path, signed: SignedLedger) -> None:
    outcome, found = run(whole, signed, workers=2)
    assert outcome.is_whole, found
    assert outcome.tally == run(whole, signed)[0].tally


def test_a_second_implementation_reads_the_same(whole: Path) -> None:
    """Golden vectors: hashes, links and root by a program that shares nothing with ours."""
    wrong, root = check(whole)
    assert not wrong
    assert root == newest_root(whole)
    script = REPOSITORY / "tests/support/second_verifier.py"
    done = subprocess.run([sys.executable, "-I", str(script), str(whole)], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr


def test_an_export_is_read_with_gzip_and_a_hash_tool(whole: Path) -> None:
    manifest = json.loads((whole / "manifest.json").read_text())
    part = whole / manifest["parts"][0]["name"]
    lines = subprocess.run(["gzip", "-dc", str(part)], capture_output=True, check=True).stdout.splitlines()
    assert hashlib.sha256(part.read_bytes()).hexdigest() == manifest["parts"][0]["sha256"]
    entry = next(one for one in map(json.loads, lines) if one.get("media_type") == "application/json")
    assert hashlib.sha256(entry["body"].encode()).hexdigest() == json.loads(entry["record"])["body_hash"]


@pytest.mark.parametrize(
    "scope",
    [
        ExportScope(tin="100000001"),
        ExportScope(device=("QRST5555", "QRST5555")),
        ExportScope(day=epoch_day(SINCE) + 1),
        ExportScope(first=40),
    ],
    ids=["taxpayer", "device", "day", "span"],
)
def test_a_part_of_the_ledger_verifies_by_itself(signed: SignedLedger, tmp_path: Path, scope: ExportScope) -> None:
    manifest = export_ledger(signed.ledger.dsn, tmp_path / "some", scope, issuers=signed.issuers)
    outcome, found = run(tmp_path / "some", signed)
    assert outcome.is_whole, found
    assert 0 < manifest.entries < manifest.size
    assert outcome.notes


# --- what does not ----------------------------------------------------------------------------------------------


def _other_body(lines: list[dict[str, Any]]) -> None:
    one = entries(lines)[3]
    one["body"] = one["body"].replace('"cashier":"Ana"', '"cashier":"Eva"')


def _other_record(lines: list[dict[str, Any]]) -> None:
    one = entries(lines)[3]
    one["record"] = one["record"].replace('"premises":"1"', '"premises":"2"')


def _other_leaf(lines: list[dict[str, Any]]) -> None:
    one, two = entries(lines)[3:5]
    one["leaf"], two["leaf"] = two["leaf"], one["leaf"]


def _lost_entry(lines: list[dict[str, Any]]) -> None:
    lines.remove(entries(lines)[3])


def _no_certificates(lines: list[dict[str, Any]]) -> None:
    lines[:] = [line for line in lines if "certificate" not in line]


def _no_record(lines: list[dict[str, Any]]) -> None:
    del entries(lines)[3]["record"]


def _no_body(lines: list[dict[str, Any]]) -> None:
    del entries(lines)[3]["body"]


def _wrong_before(lines: list[dict[str, Any]]) -> None:
    entries(lines)[0]["before"]["day_total"] = "5"


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (_other_body, {BreakCode.BODY}),
        (_other_record, {BreakCode.RECORD}),
        (_other_leaf, {BreakCode.RECORD, BreakCode.ROOT, BreakCode.DEVICE_LINK, BreakCode.DAY_LINK}),
        (_lost_entry, {BreakCode.INDEX}),
        (_no_certificates, {BreakCode.CERTIFICATE}),
        (_no_record, {BreakCode.RECORD_MISSING}),
        (_no_body, {BreakCode.BODY_MISSING}),
        (_wrong_before, {BreakCode.DAY_LINK}),
    ],
)
def test_an_export_that_lies_is_named(
    copy: Path, signed: SignedLedger, change: Callable[[list[dict[str, Any]]], None], expected: set[BreakCode]
) -> None:
    spoil(copy, change)
    outcome, found = run(copy, signed)
    assert expected <= codes(found), found
    assert not outcome.is_whole
    assert all(one.detail for one in found)


def test_one_wrong_body_is_one_break_with_its_place_and_time(copy: Path, signed: SignedLedger) -> None:
    spoil(copy, _other_body)
    _, found = run(copy, signed)
    places = {one.index for one in found}
    assert len(places) == 1
    assert found[0].since_ms > 0


def test_a_root_of_another_country_is_no_root(whole: Path, signed: SignedLedger, tmp_path: Path) -> None:
    """The trust comes from the policy, never from the export: issuers in it that sign themselves count for nothing."""
    policy = tmp_path / "policy.txt"
    policy.write_text(f"log {signed.ledger.log_key.verifier_key}\nroot {signed.pki.files.certificate('tls')}\n")
    found: list[Break] = []
    verify(whole, read_policy(policy), workers=1, found=found.append)
    assert codes(found) == {BreakCode.CERTIFICATE}
    assert len(found) == SALES


def test_a_root_inside_of_the_export_is_no_root(copy: Path, signed: SignedLedger, tmp_path: Path) -> None:
    """An insider who brings his own root along with his own certificates convinces nobody."""
    manifest = json.loads((copy / "manifest.json").read_text())
    manifest["issuers"].append(b64encode(der_of(signed.pki.files.root.read_bytes())).decode())
    (copy / "manifest.json").write_text(json.dumps(manifest))
    policy = tmp_path / "policy.txt"
    policy.write_text(f"log {signed.ledger.log_key.verifier_key}\nroot {signed.pki.files.certificate('service-ca')}\n")
    found: list[Break] = []
    verify(copy, read_policy(policy), workers=1, found=found.append)
    assert codes(found) == {BreakCode.CERTIFICATE}


def test_sequences_must_meet_at_the_borders_of_parts() -> None:
    """Each part may be whole in itself: link, number and total that it begins with must be those left before."""
    key = ("day", "20000")
    part = Part(name="parts/0.jsonl.gz", first=0, entries=1, bytes=1, sha256="")

    def joined(*stretches: Stretch) -> set[BreakCode]:
        found: list[Break] = []
        joiner = Joiner(0, (), False, [], found.append)
        for one in stretches:
            joiner.take(PartReport(part, [], stretches={key: one}))
        return codes(found)

    first = Stretch(0, 1, bytes(32), 3, b"L" * 32, 0, 700)
    assert not joined(first, Stretch(9, 4, b"L" * 32, 4, b"M" * 32, 700, 800))
    assert joined(first, Stretch(9, 4, b"X" * 32, 4, b"M" * 32, 700, 800)) == {BreakCode.DAY_LINK}
    assert joined(first, Stretch(9, 5, b"L" * 32, 5, b"M" * 32, 700, 800)) == {BreakCode.DAY_LINK}
    assert joined(first, Stretch(9, 4, b"L" * 32, 4, b"M" * 32, 699, 800)) == {BreakCode.DAY_LINK}
    assert joined(Stretch(0, 2, bytes(32), 3, b"L" * 32)) == {BreakCode.DAY_LINK}, "begins in the middle"


def test_what_the_log_never_registered_is_named() -> None:
    """A certificate must be registered before its first document, and a device begin with its registration."""
    part = Part(name="parts/0.jsonl.gz", first=0, entries=1, bytes=1, sha256="")
    opened = Registration(2, "A-A", b"C" * 32, b"R" * 32)
    begins = {("device", "A-A"): Stretch(5, 1, device_genesis("A-A", b"C" * 32, b"R" * 32), 1, b"L" * 32)}

    def joined(report: PartReport) -> set[BreakCode]:
        found: list[Break] = []
        joiner = Joiner(0, (), False, [], found.append)
        joiner.take(report)
        joiner.end()
        return codes(found)

    assert not joined(PartReport(part, [], registrations=[opened], used={b"C" * 32: 5}, stretches=begins))
    later: dict[str, Any] = {"used": {b"C" * 32: 5}, "certified": {b"C" * 32}}
    assert not joined(PartReport(part, [], **later, national={b"C" * 32})), "the log tells of a renewal a moment later"
    assert joined(PartReport(part, [], **later)) == {BreakCode.REGISTRATION}
    assert joined(PartReport(part, [], used={b"C" * 32: 5}, national={b"C" * 32})) == {BreakCode.REGISTRATION}
    assert joined(PartReport(part, [], used={b"C" * 32: 5})) == {BreakCode.REGISTRATION}
    assert joined(PartReport(part, [], registrations=[opened], used={b"C" * 32: 1})) == {BreakCode.REGISTRATION}
    assert joined(PartReport(part, [], stretches=begins)) == {BreakCode.REGISTRATION}
    begins = {("device", "A-A"): Stretch(5, 1, bytes(32), 1, b"L" * 32)}
    assert joined(PartReport(part, [], registrations=[opened], stretches=begins)) == {BreakCode.DEVICE_LINK}


# --- heads ------------------------------------------------------------------------------------------------------


def _note(signed: SignedLedger, size: int, root: bytes, folder: Path, *, key: Any = None, when: int = 0) -> Path:
    """A head of the log in a file, cosigned by ``key`` where one is given."""
    log = signed.pki.private_key("log")
    text = Checkpoint(signed.ledger.log_key.name, size, root).text
    lines = [sign_note(text, signed.ledger.log_key, lambda message: sign_ed25519(log, message))]
    if key is not None:
        name = NoteKey("witness.example", KeyType.COSIGNATURE, key.public.raw)
        lines.append(cosign_note(text, name, when, lambda message: sign_ed25519(key, message)))
    path = folder / f"{size}-{root.hex()[:6]}.note"
    path.write_bytes(write_note(SignedNote(text, tuple(lines))))
    return path


def _roots(signed: SignedLedger) -> dict[int, bytes]:
    return dict(signed.ledger.rows("SELECT tree_size, root FROM ledger.tree_state ORDER BY 1"))


def test_s0_041_a_head_that_was_kept_must_fit(whole: Path, signed: SignedLedger, tmp_path: Path) -> None:
    roots = _roots(signed)
    size = sorted(roots)[3]
    assert run(whole, signed, kept=[_note(signed, size, roots[size], tmp_path)])[0].is_whole
    _, found = run(whole, signed, kept=[_note(signed, size, sha256(b"other"), tmp_path)])
    assert codes(found) == {BreakCode.OLDER_HEAD}
    _, found = run(whole, signed, kept=[_note(signed, 5_000, sha256(b"other"), tmp_path)])
    assert codes(found) == {BreakCode.OLDER_HEAD}, "a ledger that became shorter"


def test_two_heads_of_one_size_are_named(whole: Path, signed: SignedLedger, tmp_path: Path) -> None:
    size = max(_roots(signed))
    _, found = run(whole, signed, kept=[_note(signed, size, sha256(b"other"), tmp_path)])
    assert BreakCode.TWO_HEADS in codes(found)


def test_witness_quorum(whole: Path, signed: SignedLedger, tmp_path: Path) -> None:
    """Switch-off: without the quorum in the policy the same export is whole."""
    key, size = generate_ed25519_key(), max(_roots(signed))
    lines = (f"witness court {NoteKey('witness.example', KeyType.COSIGNATURE, key.public.raw).verifier_key}",)
    quorum = (*lines, "quorum court")
    _, found = run(whole, signed, *quorum)
    assert codes(found) == {BreakCode.QUORUM}
    assert run(whole, signed, *lines)[0].is_whole
    note = _note(signed, size, _roots(signed)[size], tmp_path, key=key, when=int(SINCE.timestamp()))
    outcome, found = run(whole, signed, *quorum, kept=[note])
    assert outcome.is_whole, found
    assert outcome.confirmed_by_witnesses == size


def test_entries_older_than_a_cosignature_are_named(whole: Path, signed: SignedLedger, tmp_path: Path) -> None:
    """A log that stood still for its witness cannot fill up with yesterday's entries."""
    key, roots = generate_ed25519_key(), _roots(signed)
    size = sorted(roots)[3]
    line = f"witness court {NoteKey('witness.example', KeyType.COSIGNATURE, key.public.raw).verifier_key}"
    note = _note(signed, size, roots[size], tmp_path, key=key, when=int(datetime.now(UTC).timestamp()))
    _, found = run(whole, signed, line, kept=[note])
    assert codes(found) == {BreakCode.TIME}


def test_a_head_of_another_key_is_named(copy: Path, signed: SignedLedger) -> None:
    manifest = json.loads((copy / "manifest.json").read_text())
    head = manifest["heads"][-1]
    read, stranger = parse_note((copy / head["name"]).read_bytes()), generate_ed25519_key()
    name = NoteKey(signed.ledger.log_key.name, KeyType.LOG, stranger.public.raw)
    line = sign_note(read.text, name, lambda message: sign_ed25519(stranger, message))
    data = write_note(SignedNote(read.text, (line,)))
    (copy / head["name"]).write_bytes(data)
    head["sha256"] = hashlib.sha256(data).hexdigest()
    (copy / "manifest.json").write_text(json.dumps(manifest))
    _, found = run(copy, signed)
    assert codes(found) == {BreakCode.HEAD_SIGNATURE}


def test_a_witness_alone_does_not_speak_for_the_log(whole: Path, signed: SignedLedger, tmp_path: Path) -> None:
    key, size = generate_ed25519_key(), max(_roots(signed))
    name = NoteKey("witness.example", KeyType.COSIGNATURE, key.public.raw)
    text = Checkpoint(signed.ledger.log_key.name, size, _roots(signed)[size]).text
    line = cosign_note(text, name, int(SINCE.timestamp()), lambda message: sign_ed25519(key, message))
    path = tmp_path / "alone.note"
    path.write_bytes(write_note(SignedNote(text, (line,))))
    _, found = run(whole, signed, f"witness court {name.verifier_key}", kept=[path])
    assert codes(found) == {BreakCode.HEAD_SIGNATURE}


def test_an_entry_of_a_selection_needs_its_own_path(signed: SignedLedger, tmp_path: Path) -> None:
    folder = tmp_path / "some"
    export_ledger(signed.ledger.dsn, folder, ExportScope(tin="100000002"), issuers=signed.issuers)

    def exchange_paths(lines: list[dict[str, Any]]) -> None:
        one, two = entries(lines)[1:3]
        one["path"], two["path"] = two["path"], one["path"]

    spoil(folder, exchange_paths, part=0)
    _, found = run(folder, signed)
    assert codes(found) == {BreakCode.INCLUSION}
    assert len(found) == 2
