"""What a verifier learns: later keys of the log from its own notes or a trust list, authorities no longer trusted."""

from __future__ import annotations

import hashlib
import json
from base64 import b64encode, urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from export_bench import codes, fault_of
from signed_ledger import ORIGIN, SignedLedger

from tallystick.crypto.certificates import der_of
from tallystick.crypto.keys import PrivateKey, generate_ed25519_key, generate_p256_key, load_private_key
from tallystick.crypto.national_oids import NationalArc
from tallystick.crypto.national_orders import responder_order, unit_order
from tallystick.crypto.profiles import trust_list
from tallystick.crypto.signatures import sign_ed25519, sign_es256
from tallystick.kernel.hashing import sha256
from tallystick.kernel.instants import unix_ms
from tallystick.verifier.breaks import Break, BreakCode
from tallystick.verifier.policy import read_policy
from tallystick.verifier.run import Outcome, verify
from tallystick.wire.compact_jws import assemble
from tallystick.wire.key_change import KeyChange, NamedKey, write_key_change
from tallystick.wire.ledger_export import TRUST_LIST
from tallystick.wire.signed_note import (
    KeyType,
    NoteKey,
    Sign,
    SignedNote,
    cosign_note,
    parse_note,
    sign_note,
    write_note,
)
from tallystick.wire.trust_list import (
    AuthorityState,
    ListedAuthority,
    ListedLogKey,
    TrustList,
    text_of,
    unsigned,
)

NEW = generate_ed25519_key()
WITNESS = generate_ed25519_key()
WITNESS_KEY = NoteKey("court", KeyType.COSIGNATURE, WITNESS.public.raw)


def key_of(private: PrivateKey) -> NoteKey:
    return NoteKey(ORIGIN, KeyType.LOG, private.public.raw)


def signer(private: PrivateKey) -> Sign:
    return lambda message: sign_ed25519(private, message)


@pytest.fixture
def old(signed: SignedLedger) -> PrivateKey:
    """The log's first key."""
    return load_private_key(signed.ledger.folder / "log.pem")


def sign_heads(folder: Path, *keys: PrivateKey, seen: datetime | None = None) -> None:
    """Let only these keys have signed the heads of an export, and a witness have seen them then."""
    manifest = json.loads((folder / "manifest.json").read_text())
    for head in manifest["heads"]:
        text = parse_note((folder / head["name"]).read_bytes()).text
        lines = [sign_note(text, key_of(one), signer(one)) for one in keys]
        if seen is not None:
            lines.append(cosign_note(text, WITNESS_KEY, int(seen.timestamp()), signer(WITNESS)))
        data = write_note(SignedNote(text, tuple(lines)))
        (folder / head["name"]).write_bytes(data)
        head["sha256"] = hashlib.sha256(data).hexdigest()
    (folder / "manifest.json").write_text(json.dumps(manifest))


def note(old: PrivateKey, new: PrivateKey, *, until: datetime, by: PrivateKey | None = None) -> bytes:
    change = KeyChange(
        origin=ORIGIN,
        series="log",
        old=NamedKey("log", old.public.spki),
        new=NamedKey("log-2", new.public.spki),
        since_ms=1,
        until_ms=unix_ms(until),
    )
    vouching = by or old
    return write_key_change(change, [(key_of(vouching), signer(vouching)), (key_of(new), signer(new))])


def hand_out(folder: Path, *notes: bytes) -> None:
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["key_changes"] = [b64encode(one).decode() for one in notes]
    (folder / "manifest.json").write_text(json.dumps(manifest))


def run(folder: Path, signed: SignedLedger, *policy: str, trust: Path | None = None) -> tuple[Outcome, list[Break]]:
    found: list[Break] = []
    trusted = read_policy(signed.policy(*policy))
    return verify(folder, trusted, trust_list=trust, workers=1, found=found.append), found


LATER = datetime.now(UTC) + timedelta(days=90)


def test_a_head_of_the_next_key_is_believed_by_the_notes(copy: Path, signed: SignedLedger, old: PrivateKey) -> None:
    sign_heads(copy, NEW)
    assert BreakCode.HEAD_SIGNATURE in codes(run(copy, signed)[1])
    hand_out(copy, note(old, NEW, until=LATER))
    outcome, found = run(copy, signed)
    assert outcome.is_whole, found
    assert any("1 later keys of the log" in one for one in outcome.notes)


def test_a_note_that_the_old_key_did_not_sign_is_a_break(copy: Path, signed: SignedLedger, old: PrivateKey) -> None:
    sign_heads(copy, NEW)
    hand_out(copy, note(old, NEW, until=LATER, by=NEW))
    _, found = run(copy, signed)
    assert any(one.place == "notes of key changes" for one in found)
    assert any("not signed by the log's key" in one.detail or "no signature" in one.detail for one in found)


def test_a_key_that_has_a_limit_vouches_for_no_other(copy: Path, signed: SignedLedger, old: PrivateKey) -> None:
    """Whoever stole a key writes notes with it; so the policy that limits it is not led on by them."""
    sign_heads(copy, NEW)
    hand_out(copy, note(old, NEW, until=LATER))
    policy = signed.policy()
    text = policy.read_text()
    plain = f"log {key_of(old).verifier_key}\n"
    assert plain in text
    for line, believed in ((plain, True), (f"{plain.rstrip()} up-to 3\n", False)):
        policy.write_text(text.replace(plain, line))
        found: list[Break] = []
        verify(copy, read_policy(policy), workers=1, found=found.append)
        assert (BreakCode.HEAD_SIGNATURE not in codes(found)) is believed
    third = generate_ed25519_key()
    hand_out(copy, note(old, NEW, until=LATER), note(NEW, third, until=LATER))
    sign_heads(copy, third)
    for end, believed in (("", True), (" up-to 3", False)):
        policy.write_text(f"{text}log {key_of(NEW).verifier_key}{end}\n")
        found = []
        verify(copy, read_policy(policy), workers=1, found=found.append)
        assert (BreakCode.HEAD_SIGNATURE not in codes(found)) is believed


def test_a_head_that_witnesses_saw_after_its_key_retired_is_a_break(
    copy: Path, signed: SignedLedger, old: PrivateKey
) -> None:
    now = datetime.now(UTC)
    hand_out(copy, note(old, NEW, until=now - timedelta(days=1)))
    witness = f"witness court {WITNESS_KEY.verifier_key}"
    sign_heads(copy, old, seen=now)
    _, found = run(copy, signed, witness)
    assert any("had retired" in one.detail for one in found)
    for keys, seen in (((old, NEW), now), ((old,), now - timedelta(days=2))):
        sign_heads(copy, *keys, seen=seen)
        assert not any("had retired" in one.detail for one in run(copy, signed, witness)[1])


# --- trust lists ------------------------------------------------------------------------------------------------


def listed(
    signed: SignedLedger, *, distrusted_since: datetime | None = None, log: tuple[PrivateKey, ...] = ()
) -> bytes:
    """A list of the country; ``log`` are keys after the first."""
    pki, now = signed.pki, datetime.now(UTC)
    key = generate_p256_key()
    order = unit_order("Authority", "AQ", "trust list", key.public, trust_list(NationalArc()))
    return signed_list(signed, pki.authority("service-ca").issue(order, now), key, distrusted_since, log)


def signed_list(
    signed: SignedLedger,
    certificate: bytes,
    key: PrivateKey,
    distrusted_since: datetime | None = None,
    log: tuple[PrivateKey, ...] = (),
) -> bytes:
    pki, now = signed.pki, datetime.now(UTC)
    authorities = []
    for plan in pki.hierarchy:
        gone = distrusted_since is not None and plan.name == "secure-element-ca"
        authorities.append(
            ListedAuthority(
                name=plan.name,
                certificate=text_of(pki.authority_certificate(plan.name)),
                state=AuthorityState.DISTRUSTED if gone else AuthorityState.ACTIVE,
                issuesUntil="1",
                since=str(unix_ms(distrusted_since)) if distrusted_since is not None and gone else "",
            )
        )
    content = TrustList(
        type="trust-list",
        version="1",
        origin=ORIGIN,
        number="3",
        issuedAt=str(unix_ms(now)),
        nextUpdate=str(unix_ms(now + timedelta(days=7))),
        root=text_of(der_of(pki.files.root.read_bytes())),
        signer=text_of(certificate),
        authorities=tuple(authorities),
        log=tuple(ListedLogKey(key=key_of(one).verifier_key, since="1") for one in log),
        keyChanges=(),
        services=(),
    )
    to_sign = unsigned(content, sha256)
    return assemble(to_sign, sign_es256(key, to_sign))


def test_a_list_that_the_user_gives_names_keys_and_one_in_the_export_does_not(
    copy: Path, signed: SignedLedger, tmp_path: Path
) -> None:
    sign_heads(copy, NEW)
    (copy / TRUST_LIST).write_bytes(listed(signed, log=(NEW,)))
    assert BreakCode.HEAD_SIGNATURE in codes(run(copy, signed)[1])
    given = tmp_path / "list.jws"
    given.write_bytes(listed(signed, log=(NEW,)))
    outcome, found = run(copy, signed, trust=given)
    assert outcome.is_whole, found
    assert any("trust list 3" in one for one in outcome.notes)


def test_documents_after_an_authority_was_distrusted_are_breaks(copy: Path, signed: SignedLedger) -> None:
    (copy / TRUST_LIST).write_bytes(listed(signed, distrusted_since=datetime.now(UTC) + timedelta(days=1)))
    assert run(copy, signed)[0].is_whole
    (copy / TRUST_LIST).write_bytes(listed(signed, distrusted_since=datetime.now(UTC) - timedelta(days=4)))
    outcome, found = run(copy, signed)
    assert codes(found) == {BreakCode.CERTIFICATE}
    assert 0 < outcome.breaks < outcome.tally["signatures"], "what was signed before stays good"


Spoil = Callable[[SignedLedger], bytes]


def by_another_use(signed: SignedLedger) -> bytes:
    key = generate_p256_key()
    order = responder_order("service-ca", key.public)
    return signed_list(signed, signed.pki.authority("service-ca").issue(order, datetime.now(UTC)), key)


def changed(signed: SignedLedger) -> bytes:
    """One letter under the signature."""
    head, payload, signature = listed(signed).split(b".")
    content = urlsafe_b64decode(payload + b"=" * (-len(payload) % 4)).replace(b'"number":"3"', b'"number":"4"')
    return b".".join((head, urlsafe_b64encode(content).rstrip(b"="), signature))


def signed_by_another(signed: SignedLedger) -> bytes:
    """Which content and signer belong together is not the header's to say."""
    head, payload, _ = listed(signed).split(b".")
    return b".".join((head, payload, listed(signed).split(b".")[2]))


def of_another_log(signed: SignedLedger) -> bytes:
    return listed(signed).replace(b".", b"!", 1)


@pytest.mark.parametrize(
    ("spoil", "code"),
    [
        (by_another_use, "TS-3073"),
        (changed, "TS-3073"),
        (signed_by_another, "TS-3073"),
        (of_another_log, "TS-3072"),
        (lambda _: b"", "TS-3072"),
        (lambda _: b"x" * 2_000_000, "TS-3072"),
        (lambda signed: listed(signed)[:-2], "TS-307"),
        (lambda signed: listed(signed).partition(b".")[0] + b".e30." + b"A" * 86, "TS-3072"),
    ],
    ids=["another use", "changed", "another signer", "cut in two", "empty", "too long", "short", "no content"],
)
def test_ts_3073_a_list_that_nobody_stands_behind_is_refused(
    copy: Path, signed: SignedLedger, tmp_path: Path, spoil: Spoil, code: str
) -> None:
    bad = spoil(signed)
    given = tmp_path / "list.jws"
    given.write_bytes(bad)
    assert fault_of(lambda: run(copy, signed, trust=given)).startswith(code)
    (copy / TRUST_LIST).write_bytes(bad)
    _, found = run(copy, signed)
    assert [one.code for one in found] == [BreakCode.CERTIFICATE]
    assert msgspec.json.encode(found[0].detail)
