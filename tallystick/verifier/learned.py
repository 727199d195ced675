"""What a verifier learns beyond the user's policy, and from whom: later keys of a log, authorities no longer trusted.

A key of the log that the policy names vouches for the one that follows it, by the notes in the export; one for which
the policy has a limit vouches for nobody, since who stole it can write such notes. A trust list is
believed where a root of the policy certified its signer. The one that comes with an export can only take trust away;
one that the user gives himself also names keys of the log.
"""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import takewhile
from pathlib import Path

import attrs

from tallystick.crypto.certificates import TrustStore
from tallystick.crypto.keys import PublicKey
from tallystick.crypto.signatures import verify_ed25519
from tallystick.crypto.trust_lists import check_signer
from tallystick.kernel.faults import Fault
from tallystick.kernel.instants import from_unix_ms
from tallystick.verifier.breaks import Break, BreakCode, Report
from tallystick.verifier.hashes import sha256
from tallystick.verifier.policy import Policy
from tallystick.wire.key_change import later_log_keys
from tallystick.wire.ledger_export import TRUST_LIST, Manifest
from tallystick.wire.signed_note import KeyType, NoteKey, parse_verifier_key
from tallystick.wire.trust_list import LIST_BYTES_MAX, AuthorityState, TrustList, read_der, read_trust_list


@attrs.frozen(kw_only=True)
class Learned:
    """The policy with all keys of the log, since when (Unix ms) which authorities (SHA-256) are distrusted, and what to
    say about it."""

    policy: Policy
    distrusted: dict[bytes, int]
    notes: tuple[str, ...] = ()


def learn(folder: Path, manifest: Manifest, policy: Policy, given: Path | None, report: Report) -> Learned:
    """Go by the notes and lists that are there.

    What in the export is not good is a break; raises ``TS-3072`` and ``TS-3073`` for a list that the user gave.
    """
    policy, notes = _follow_notes(manifest, policy, report)
    distrusted: dict[bytes, int] = {}
    for path, is_given in ((folder / TRUST_LIST, False), (given, True)):
        if path is None or (not is_given and not path.exists()):
            continue
        try:
            content = _checked(path, policy, manifest.origin)
        except Fault as fault:
            if is_given:
                raise
            report(Break(BreakCode.CERTIFICATE, -1, TRUST_LIST, str(fault)))
            continue
        distrusted |= _distrusted(content)
        notes.append(_said(content, path))
        if is_given:
            policy = _with_listed_keys(policy, content)
    return Learned(policy=policy, distrusted=distrusted, notes=tuple(notes))


def _follow_notes(manifest: Manifest, policy: Policy, report: Report) -> tuple[Policy, list[str]]:
    """Each key of the policy with those that follow it; what leads nowhere is a break, and keys before it stay."""
    logs, until = list(policy.logs), dict(policy.until)
    for known in policy.logs:
        if known.name != manifest.origin:
            continue
        try:
            keys = later_log_keys(known, manifest.key_changes, _check)
        except Fault as fault:
            report(Break(BreakCode.HEAD_SIGNATURE, -1, "notes of key changes", str(fault)))
            continue
        vouching = [*takewhile(lambda one: one.key not in policy.limits, keys)]
        keys = keys[: len(vouching) + 1]
        until |= {key.key: key.until_ms for key in keys if key.until_ms is not None}
        logs += [key.key for key in keys if key.key not in logs]
    learned = len(logs) - len(policy.logs)
    said = [f"{learned} later keys of the log were learned from its own notes"] if learned else []
    return attrs.evolve(policy, logs=tuple(logs), until=until), said


def _checked(path: Path, policy: Policy, origin: str) -> TrustList:
    try:
        with path.open("rb") as file:
            data = file.read(LIST_BYTES_MAX + 1)
    except OSError as error:
        raise Fault("TS-3072", detail=f"{path} cannot be read: {error.strerror}") from None
    read = read_trust_list(data, sha256)
    content = read.content
    if content.origin != origin:
        raise Fault("TS-3073", detail=f"it is of the log {content.origin}, the export of {origin}")
    roots = TrustStore.from_pem(*policy.roots)
    at = from_unix_ms(int(content.issuedAt))
    try:
        check_signer(
            read_der(content.signer), content.authority_certificates, roots, read.signed, read.signature, at
        )  # fmt: skip
    except (Fault, ValueError) as error:
        raise Fault("TS-3073", detail=f"no root of the policy stands behind its signer: {error}") from None
    return content


def _distrusted(content: TrustList) -> dict[bytes, int]:
    return {
        sha256(read_der(one.certificate)): int(one.since)
        for one in content.authorities
        if one.state is AuthorityState.DISTRUSTED
    }


def _with_listed_keys(policy: Policy, content: TrustList) -> Policy:
    logs, until = list(policy.logs), dict(policy.until)
    for one in content.log:
        key = _log_key(one.key, content.origin)
        if key not in logs:
            logs.append(key)
        if one.until:
            until[key] = int(one.until)
    return attrs.evolve(policy, logs=tuple(logs), until=until)


def _log_key(text: str, origin: str) -> NoteKey:
    try:
        key = parse_verifier_key(text)
    except Fault as fault:
        raise Fault("TS-3072", detail=fault.detail) from None
    if key.key_type is not KeyType.LOG or key.name != origin:
        raise Fault("TS-3072", detail="a key in it is none of this log")
    return key


def _said(content: TrustList, path: Path) -> str:
    at = from_unix_ms(int(content.issuedAt))
    ended = int(content.nextUpdate) < datetime.now(UTC).timestamp() * 1000
    due = from_unix_ms(int(content.nextUpdate))
    end = f"; a newer one was due by {due:%Y-%m-%d}" if ended else ""
    return f"trust list {content.number} of {at:%Y-%m-%d %H:%M} UTC was read from {path.name}{end}"


def _check(public_key: bytes, message: bytes, signature: bytes) -> None:
    verify_ed25519(PublicKey.from_raw(public_key), message, signature)
