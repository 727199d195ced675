"""Signed notes and checkpoints (C2SP signed-note, tlog-checkpoint, tlog-cosignature), Ed25519 lines.

Signing and checking themselves come in as callables, for this floor knows no cryptography beyond hashes. A reader
ignores lines of keys it does not know, and refuses the whole note when a line of a known key is wrong.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Iterable
from enum import IntEnum

import attrs

from tallystick.kernel.faults import Fault
from tallystick.kernel.hashing import HASH_BYTES, sha256

NOTE_BYTES_MAX = 64 * 1024
SIGNATURES_MAX = 64
KEY_ID_BYTES = 4
TIME_BYTES = 8
TREE_SIZE_MAX = 2**63 - 1
_DASH = "\u2014 "
_SIZE = re.compile(r"0|[1-9][0-9]{0,18}", re.ASCII)
_NAME = re.compile(r"[^\s+]{1,255}")

Sign = Callable[[bytes], bytes]
"""Signs a message with a private key that the caller holds."""

Check = Callable[[bytes, bytes, bytes], None]
"""Checks (public key, message, signature); raises a fault when the signature is wrong."""


class KeyType(IntEnum):
    """The kinds of signature lines that we can check."""

    LOG = 0x01
    COSIGNATURE = 0x04


@attrs.frozen(slots=True)
class NoteKey:
    """A key that a reader trusts: the name in the line, its kind, 32 bytes of Ed25519."""

    name: str
    key_type: KeyType
    public_key: bytes

    @property
    def key_id(self) -> bytes:
        """First four bytes of ``SHA-256(name || 0x0A || type || public key)``."""
        return sha256(self.name.encode() + b"\n" + bytes([self.key_type]) + self.public_key)[:KEY_ID_BYTES]

    @property
    def verifier_key(self) -> str:
        """The text form that operators exchange: ``name+key id+base64(type || public key)``."""
        return f"{self.name}+{self.key_id.hex()}+{_base64(bytes([self.key_type]) + self.public_key)}"


def parse_verifier_key(text: str) -> NoteKey:
    """Read the text form of a key; raises ``TS-1220`` when a part is missing or the key id is another one's."""
    name, _, rest = text.strip().partition("+")
    key_id, _, encoded = rest.partition("+")
    material = _from_base64(encoded)
    if not _NAME.fullmatch(name) or len(material) != 33 or material[0] not in set(KeyType):
        raise Fault("TS-1220", detail="not an Ed25519 verifier key")
    key = NoteKey(name, KeyType(material[0]), material[1:])
    if key.key_id.hex() != key_id:
        raise Fault("TS-1220", detail="the key id does not belong to this key")
    return key


@attrs.frozen(slots=True)
class NoteSignature:
    """One signature line: the key's name, its four-byte id, and the bytes behind it."""

    name: str
    key_id: bytes
    signature: bytes

    @property
    def line(self) -> str:
        """The line without its end."""
        return f"{_DASH}{self.name} {_base64(self.key_id + self.signature)}"


@attrs.frozen(slots=True)
class SignedNote:
    """Text that ends in a newline, and its signature lines."""

    text: str
    signatures: tuple[NoteSignature, ...]


@attrs.frozen(slots=True)
class Checkpoint:
    """The head of a log: its origin, the number of its entries and its 32-byte root."""

    origin: str
    size: int
    root: bytes

    @property
    def text(self) -> str:
        """The three lines that are signed."""
        return f"{self.origin}\n{self.size}\n{_base64(self.root)}\n"


def write_note(note: SignedNote) -> bytes:
    """The note's bytes."""
    return (note.text + "\n" + "".join(signature.line + "\n" for signature in note.signatures)).encode()


def parse_note(data: bytes) -> SignedNote:
    """Read a note of at most 64 KiB and 64 signatures; raises ``TS-1220``. Nothing in it is trusted yet."""
    if len(data) > NOTE_BYTES_MAX:
        raise Fault("TS-1220", detail="a note of more than 64 KiB")
    try:
        content = data.decode("utf-8")
    except UnicodeDecodeError:
        raise Fault("TS-1220", detail="a note that is not UTF-8") from None
    if any(character < " " and character != "\n" for character in content):
        raise Fault("TS-1220", detail="a note with control characters")
    text, blank, lines = content.rpartition("\n\n")
    if not blank or not text or not lines.endswith("\n"):
        raise Fault("TS-1220", detail="a note without text or without signatures")
    signatures = tuple(_parse_line(line) for line in lines[:-1].split("\n"))
    if len(signatures) > SIGNATURES_MAX:
        raise Fault("TS-1220", detail="a note with too many signatures")
    return SignedNote(text + "\n", signatures)


def _parse_line(line: str) -> NoteSignature:
    name, space, encoded = line.removeprefix(_DASH).partition(" ")
    if not line.startswith(_DASH) or not space or not _NAME.fullmatch(name):
        raise Fault("TS-1220", detail="a signature line without dash and name")
    signature = _from_base64(encoded)
    if len(signature) <= KEY_ID_BYTES:
        raise Fault("TS-1220", detail="a signature line without a signature")
    return NoteSignature(name, signature[:KEY_ID_BYTES], signature[KEY_ID_BYTES:])


def parse_checkpoint(text: str, *, extensions: bool = False) -> Checkpoint:
    """Read a note's text as a checkpoint; raises ``TS-1220``.

    Extension lines are refused, for our logs have none; with ``extensions`` a foreign log's are passed over.
    """
    lines = text.split("\n")
    if extensions and len(lines) > 4 and all(lines[:-1]):
        del lines[3:-1]
    if len(lines) != 4 or lines[3] or not lines[0] or not _SIZE.fullmatch(lines[1]):
        raise Fault("TS-1220", detail="a checkpoint has the lines origin, size and root")
    root, size = _from_base64(lines[2]), int(lines[1])
    if len(root) != HASH_BYTES or size > TREE_SIZE_MAX:
        raise Fault("TS-1220", detail="a checkpoint with an impossible size or root")
    return Checkpoint(lines[0], size, root)


def sign_note(text: str, key: NoteKey, sign: Sign) -> NoteSignature:
    """A log's signature over the text."""
    return NoteSignature(key.name, key.key_id, sign(text.encode()))


def cosign_note(text: str, key: NoteKey, unix_seconds: int, sign: Sign) -> NoteSignature:
    """A witness's timestamped signature over the text (cosignature/v1)."""
    signature = sign(_cosigned(text, unix_seconds))
    return NoteSignature(key.name, key.key_id, unix_seconds.to_bytes(TIME_BYTES, "big") + signature)


def _cosigned(text: str, unix_seconds: int) -> bytes:
    return f"cosignature/v1\ntime {unix_seconds}\n{text}".encode()


def verify_note(note: SignedNote, keys: Iterable[NoteKey], check: Check) -> tuple[NoteKey, ...]:
    """The known keys that signed, each once; raises ``TS-1312`` when one of them is wrong or none is there."""
    known = {(key.name, key.key_id): key for key in keys}
    signers: list[NoteKey] = []
    for line in note.signatures:
        key = known.get((line.name, line.key_id))
        if key is None or key in signers:
            continue
        _check_line(note.text, line, key, check)
        signers.append(key)
    if not signers:
        raise Fault("TS-1312", detail="no signature of a known key")
    return tuple(signers)


def parse_signature_lines(data: bytes) -> tuple[NoteSignature, ...]:
    """Read signature lines that stand alone, as a witness answers them; raises ``TS-1220``. Nothing is trusted yet."""
    try:
        content = data.decode("utf-8")
    except UnicodeDecodeError:
        raise Fault("TS-1220", detail="signature lines that are not UTF-8") from None
    if len(data) > NOTE_BYTES_MAX or not content.endswith("\n"):
        raise Fault("TS-1220", detail="signature lines that do not end, or too many of them")
    lines = content[:-1].split("\n")
    if len(lines) > SIGNATURES_MAX:
        raise Fault("TS-1220", detail="too many signature lines")
    return tuple(_parse_line(line) for line in lines)


def cosigned_at(line: NoteSignature) -> int:
    """The Unix time, in seconds, that a cosignature says; raises ``TS-1220`` when it holds none."""
    if len(line.signature) <= TIME_BYTES:
        raise Fault("TS-1220", detail="a cosignature without its time")
    return int.from_bytes(line.signature[:TIME_BYTES], "big")


def _check_line(text: str, line: NoteSignature, key: NoteKey, check: Check) -> None:
    if key.key_type is KeyType.LOG:
        check(key.public_key, text.encode(), line.signature)
        return
    if len(line.signature) <= TIME_BYTES:
        raise Fault("TS-1312", detail="a cosignature without its time")
    unix_seconds = int.from_bytes(line.signature[:TIME_BYTES], "big")
    check(key.public_key, _cosigned(text, unix_seconds), line.signature[TIME_BYTES:])


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def _from_base64(text: str) -> bytes:
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise Fault("TS-1220", detail="not base64") from None
    if _base64(data) != text:
        raise Fault("TS-1220", detail="base64 with stray bits")
    return data
