"""Whom the verifier's user trusts: a small text file that never comes with the export.

``log VERIFIER-KEY [up-to SIZE]``, ``root PEM-FILE`` (authorities, beside the policy), ``witness NAME VERIFIER-KEY``,
``group NAME all|any|NUMBER MEMBER...``, ``quorum NAME|none``, ``pack FILE`` (the country's pack, whose rates the taxes
of national documents are recomputed with); ``#`` begins a comment. Witness, group and quorum are those of the policy
files that transparency logs use; the rest is ours.
"""

from __future__ import annotations

from pathlib import Path

import attrs

from tallystick.crypto.certificates import TrustStore
from tallystick.kernel.faults import Fault
from tallystick.verifier.arithmetic import Stated
from tallystick.wire.country_pack import PackError, parse_pack
from tallystick.wire.signed_note import KeyType, NoteKey, parse_verifier_key

POLICY_BYTES_MAX = 64 * 1024
PEM_BYTES_MAX = 1024 * 1024
PACK_BYTES_MAX = 1024 * 1024
NONE = "none"


@attrs.frozen(slots=True)
class Group:
    """A group of witnesses or groups, and how many of them it takes."""

    threshold: int
    members: tuple[str, ...]


@attrs.frozen(slots=True, kw_only=True)
class Policy:
    """Keys of logs and witnesses, who of them is enough, and PEM files of authorities.

    ``limits``: up to how many entries a head may bear the signature of that key alone. A key that was followed by
    another one, or was stolen, has one. ``until``: when (Unix ms) a key of a log retired, where that is known.
    ``rates``: the country's rate groups by their number, empty without a pack.
    """

    logs: tuple[NoteKey, ...]
    roots: tuple[bytes, ...]
    witnesses: dict[str, NoteKey]
    groups: dict[str, Group]
    quorum: str = NONE
    limits: dict[NoteKey, int] = attrs.field(factory=dict)
    until: dict[NoteKey, int] = attrs.field(factory=dict)
    rates: dict[str, Stated] = attrs.field(factory=dict)

    def speaks_for(self, key: NoteKey, origin: str, size: int) -> bool:
        """Whether this key makes a head of ``size`` entries one of the log ``origin``."""
        return key in self.logs and key.name == origin and size <= self.limits.get(key, size)

    @property
    def keys(self) -> tuple[NoteKey, ...]:
        """Every key whose line in a note is checked."""
        return (*self.logs, *self.witnesses.values())

    @property
    def wants_witnesses(self) -> bool:
        """Whether a head needs cosignatures at all."""
        return self.quorum != NONE

    def is_enough(self, signers: set[NoteKey]) -> bool:
        """Whether these signers are the quorum."""
        return self.quorum == NONE or self._holds(self.quorum, signers)

    def _holds(self, name: str, signers: set[NoteKey]) -> bool:
        if name in self.witnesses:
            return self.witnesses[name] in signers
        group = self.groups[name]
        return sum(self._holds(member, signers) for member in group.members) >= group.threshold


def read_policy(path: Path) -> Policy:
    """Read a policy and the PEM files that it names; raises ``TS-3053`` with the line that is wrong."""
    reader = _Reader(path.parent)
    for number, line in enumerate(_text_of(path).splitlines(), 1):
        words = line.partition("#")[0].split()
        if not words:
            continue
        try:
            reader.take(words)
        except Fault as fault:
            raise Fault("TS-3053", detail=f"line {number}: {fault.detail}") from None
    return reader.policy()


def _text_of(path: Path) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(POLICY_BYTES_MAX + 1)
        if len(data) > POLICY_BYTES_MAX:
            raise Fault("TS-3053", detail="a policy of more than 64 KiB")
        return data.decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Fault("TS-3053", detail=f"the policy cannot be read: {error}") from None


class _Reader:
    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._logs: list[NoteKey] = []
        self._limits: dict[NoteKey, int] = {}
        self._roots: list[bytes] = []
        self._witnesses: dict[str, NoteKey] = {}
        self._groups: dict[str, Group] = {}
        self._quorum = NONE
        self._rates: dict[str, Stated] = {}

    def take(self, words: list[str]) -> None:
        """One line; raises a fault whose detail says what is wrong."""
        match words:
            case ["log", key]:
                self._logs.append(_key(key, KeyType.LOG))
            case ["log", key, "up-to", size] if size.isdecimal() and len(size) < 19:
                self._logs.append(_key(key, KeyType.LOG))
                self._limits[self._logs[-1]] = int(size)
            case ["root", name]:
                self._roots.append(self._pem(name))
            case ["witness", name, key, *_]:
                self._name(name)
                self._witnesses[name] = _key(key, KeyType.COSIGNATURE)
            case ["group", name, threshold, *members] if members:
                self._name(name)
                self._groups[name] = self._group(threshold, members)
            case ["pack", name]:
                self._rates |= self._pack(name)
            case ["quorum", name]:
                if name != NONE and name not in self._witnesses and name not in self._groups:
                    raise Fault("TS-3053", detail=f"nothing above is named {name}")
                self._quorum = name
            case _:
                raise Fault("TS-3053", detail=f"not a line of a policy: {' '.join(words)[:80]}")

    def policy(self) -> Policy:
        """The whole; a policy that trusts no log proves nothing."""
        if not self._logs:
            raise Fault("TS-3053", detail="the policy names no log")
        return Policy(
            logs=tuple(self._logs),
            roots=tuple(self._roots),
            witnesses=self._witnesses,
            groups=self._groups,
            quorum=self._quorum,
            limits=self._limits,
            rates=self._rates,
        )

    def _name(self, name: str) -> None:
        if name == NONE or name in self._witnesses or name in self._groups:
            raise Fault("TS-3053", detail=f"the name {name} stands twice or may not be used")

    def _group(self, threshold: str, members: list[str]) -> Group:
        unknown = [name for name in members if name not in self._witnesses and name not in self._groups]
        if unknown or len(set(members)) != len(members):
            raise Fault("TS-3053", detail=f"members unknown or given twice: {', '.join(unknown or members)}")
        words = {"any": 1, "all": len(members)}
        number = words.get(threshold) or (int(threshold) if threshold.isdecimal() and len(threshold) < 4 else 0)
        if not 1 <= number <= len(members):
            raise Fault("TS-3053", detail=f"{threshold} of {len(members)} members cannot be")
        return Group(number, tuple(members))

    def _pack(self, name: str) -> dict[str, Stated]:
        try:
            with (self._folder / name).open("rb") as file:
                pack = parse_pack(file.read(PACK_BYTES_MAX), name)
        except (OSError, PackError) as error:
            raise Fault("TS-3053", detail=f"{name} is no pack of a country: {error}") from None
        return {
            str(group.group_id): tuple(
                (rate.label.upper(), int(category.category_type), rate.rate.scaled)
                for category in group.categories
                for rate in category.rates
            )
            for group in pack.tax_groups
        }

    def _pem(self, name: str) -> bytes:
        try:
            with (self._folder / name).open("rb") as file:
                pem = file.read(PEM_BYTES_MAX + 1)
            TrustStore.from_pem(pem)
        except (OSError, ValueError):
            raise Fault("TS-3053", detail=f"{name} holds no certificates in PEM") from None
        return pem


def _key(text: str, key_type: KeyType) -> NoteKey:
    key = parse_verifier_key(text)
    if key.key_type is not key_type:
        raise Fault("TS-3053", detail=f"{key.name}: a key of another kind")
    return key
