"""Trust policies of transparency logs (C2SP tlog-policy): which logs, which witnesses, and how many must have signed.

A policy names witnesses and groups of them; a quorum is a witness, a group, or ``none``. Octets beyond ASCII in names
and comments are kept as they are and mean nothing here.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

import attrs

from tallystick.kernel.faults import Fault
from tallystick.wire.signed_note import KeyType, NoteKey, parse_verifier_key

POLICY_BYTES_MAX = 64 * 1024
LINES_MAX = 64
NO_QUORUM = "none"

_ALLOWED = re.compile(rb"[\t\n\x20-\x7e\x80-\xff]*")
_BLANKS = re.compile(r"[ \t]+")
_THRESHOLD = re.compile(r"[1-9][0-9]{0,2}", re.ASCII)


@attrs.frozen(slots=True)
class PolicyLog:
    """A log that is trusted; ``url`` may be empty."""

    key: NoteKey
    url: str = ""


@attrs.frozen(slots=True)
class PolicyWitness:
    """A witness under the policy's own name for it; ``url`` is its submission prefix, or empty."""

    name: str
    key: NoteKey
    url: str = ""


@attrs.frozen(slots=True)
class PolicyGroup:
    """A group that has signed when ``least`` of its members have."""

    name: str
    least: int
    members: tuple[str, ...]


@attrs.frozen(slots=True)
class Policy:
    """What a policy file says, in its order."""

    logs: tuple[PolicyLog, ...]
    witnesses: tuple[PolicyWitness, ...]
    groups: tuple[PolicyGroup, ...]
    quorum: str

    @property
    def witness_keys(self) -> tuple[NoteKey, ...]:
        """The witnesses' keys."""
        return tuple(witness.key for witness in self.witnesses)

    def is_met_by(self, signers: Collection[NoteKey]) -> bool:
        """Whether cosignatures of these keys, each checked before, are a quorum."""
        signed = {witness.name: witness.key in signers for witness in self.witnesses}
        signed[NO_QUORUM] = True
        for group in self.groups:
            signed[group.name] = sum(signed[member] for member in group.members) >= group.least
        return signed[self.quorum]


@attrs.define(slots=True)
class _Reading:
    logs: list[PolicyLog] = attrs.Factory(list)
    witnesses: list[PolicyWitness] = attrs.Factory(list)
    groups: list[PolicyGroup] = attrs.Factory(list)
    names: set[str] = attrs.Factory(lambda: {NO_QUORUM})
    members: set[str] = attrs.Factory(set)
    quorum: str = ""


def parse_policy(data: bytes) -> Policy:
    """Read a policy file of at most 64 KiB; raises ``TS-1220`` with the number of the line that is wrong."""
    if len(data) > POLICY_BYTES_MAX or not _ALLOWED.fullmatch(data):
        raise Fault("TS-1220", detail="a policy of more than 64 KiB, or with control characters")
    reading = _Reading()
    for number, line in enumerate(data.decode("utf-8", "surrogateescape").split("\n"), 1):
        text = line.strip(" \t")
        if not text or text.startswith("#"):
            continue
        try:
            _read_line(reading, _BLANKS.split(text))
        except Fault as fault:
            raise Fault("TS-1220", detail=f"line {number} of the policy: {fault.detail}") from None
    if not reading.quorum:
        raise Fault("TS-1220", detail="a policy has one line that says its quorum")
    return Policy(tuple(reading.logs), tuple(reading.witnesses), tuple(reading.groups), reading.quorum)


def write_policy(policy: Policy) -> bytes:
    """The file of a policy."""
    lines = [" ".join(filter(None, ("log", log.key.verifier_key, log.url))) for log in policy.logs]
    lines += [" ".join(filter(None, ("witness", w.name, w.key.verifier_key, w.url))) for w in policy.witnesses]
    lines += [f"group {group.name} {group.least} {' '.join(group.members)}" for group in policy.groups]
    lines.append(f"quorum {policy.quorum}")
    return ("\n".join(lines) + "\n").encode("utf-8", "surrogateescape")


def _read_line(reading: _Reading, words: list[str]) -> None:
    kinds: Mapping[str, tuple[int, int]] = {
        "log": (2, 3),
        "witness": (3, 4),
        "group": (4, 3 + LINES_MAX),
        "quorum": (2, 2),
    }
    least, most = kinds.get(words[0], (0, -1))
    if not least <= len(words) <= most:
        raise _wrong("not a line of a policy")
    if max(len(reading.logs), len(reading.witnesses), len(reading.groups)) >= LINES_MAX:
        raise _wrong(f"more than {LINES_MAX} lines of one kind")
    match words:
        case ["log", key, *url]:
            _read_log(reading, key, *url)
        case ["witness", name, key, *url]:
            _read_witness(reading, name, key, *url)
        case ["group", name, least_word, *members]:
            _read_group(reading, name, least_word, tuple(members))
        case ["quorum", name]:
            if reading.quorum:
                raise _wrong("a second quorum")
            if name not in reading.names:
                raise _wrong("the quorum is not defined before")
            reading.quorum = name


def _read_log(reading: _Reading, text: str, url: str = "") -> None:
    key = parse_verifier_key(text)
    if key.key_type is not KeyType.LOG:
        raise _wrong("not the key of a log")
    if any(known.key.public_key == key.public_key for known in reading.logs):
        raise _wrong("a log stands twice")
    reading.logs.append(PolicyLog(key, url))


def _read_witness(reading: _Reading, name: str, text: str, url: str = "") -> None:
    key = parse_verifier_key(text)
    if key.key_type is not KeyType.COSIGNATURE:
        raise _wrong("not the key of a witness")
    if any(known.key.public_key == key.public_key for known in reading.witnesses):
        raise _wrong("a witness stands twice")
    _take_name(reading, name)
    reading.witnesses.append(PolicyWitness(name, key, url))


def _read_group(reading: _Reading, name: str, least_word: str, members: tuple[str, ...]) -> None:
    count = len(members)
    words = {"any": 1, "all": count}
    least = words.get(least_word) or (int(least_word) if _THRESHOLD.fullmatch(least_word) else 0)
    if not 1 <= least <= count:
        raise _wrong("a group needs 1 to all of its members")
    for member in members:
        if member == NO_QUORUM or member not in reading.names:
            raise _wrong("a member is not defined before")
        if member in reading.members:
            raise _wrong("a name is a member twice")
        reading.members.add(member)
    _take_name(reading, name)
    reading.groups.append(PolicyGroup(name, least, members))


def _take_name(reading: _Reading, name: str) -> None:
    if name in reading.names:
        raise _wrong("a name stands twice")
    reading.names.add(name)


def _wrong(detail: str) -> Fault:
    return Fault("TS-1220", detail=detail)
