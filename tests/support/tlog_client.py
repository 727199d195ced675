"""A reader of tiled logs written from the C2SP pages alone: it shares nothing with the program but the network.

c2sp.org/tlog-tiles, signed-note, tlog-checkpoint, tlog-cosignature, tlog-proof; RFC 6962 section 2.1.
"""

from __future__ import annotations

import base64
import hashlib
import http.client
import struct
from dataclasses import dataclass
from urllib.parse import urlsplit

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey


class Lie(Exception):
    """The log says something that cannot be."""


@dataclass(frozen=True)
class Vkey:
    """A key as operators exchange it."""

    name: str
    key_id: bytes
    kind: int
    key: bytes

    @classmethod
    def read(cls, text: str) -> Vkey:
        """name+hash+base64."""
        name, key_id, material = text.split("+", 2)
        raw = base64.b64decode(material, validate=True)
        wanted = hashlib.sha256(name.encode() + b"\n" + raw).digest()[:4]
        if wanted.hex() != key_id:
            raise Lie("a key that does not fit its id")
        return cls(name, wanted, raw[0], raw[1:])


@dataclass(frozen=True)
class Head:
    """A checkpoint and the names of the keys that signed it."""

    origin: str
    size: int
    root: bytes
    signers: frozenset[str]


def open_checkpoint(note: bytes, keys: list[Vkey]) -> Head:
    """Verify a checkpoint; a wrong line of a known key spoils all of it."""
    text, _, signatures = note.decode().rpartition("\n\n")
    text += "\n"
    signers = set()
    for line in signatures.splitlines():
        dash, name, encoded = line.split(" ")
        if dash != "—":
            raise Lie("not a signature line")
        raw = base64.b64decode(encoded, validate=True)
        for key in keys:
            if (key.name, key.key_id) != (name, raw[:4]):
                continue
            message, signature = text.encode(), raw[4:]
            if key.kind == 4:
                (when,) = struct.unpack(">Q", signature[:8])
                message, signature = f"cosignature/v1\ntime {when}\n".encode() + message, signature[8:]
            try:
                Ed25519PublicKey.from_public_bytes(key.key).verify(signature, message)
            except InvalidSignature:
                raise Lie(f"a wrong signature of {name}") from None
            signers.add(name)
    origin, size, root, *rest = text.split("\n")
    if rest != [""] or origin not in signers:
        raise Lie("a checkpoint without its log's signature, or with more lines")
    return Head(origin, int(size), base64.b64decode(root), frozenset(signers))


def leaf(entry: bytes) -> bytes:
    return hashlib.sha256(b"\x00" + entry).digest()


def node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


def tree_hash(hashes: list[bytes]) -> bytes:
    """MTH of RFC 6962, over hashes of leaves, by its recursive definition."""
    if not hashes:
        return hashlib.sha256(b"").digest()
    if len(hashes) == 1:
        return hashes[0]
    k = 1
    while k * 2 < len(hashes):
        k *= 2
    return node(tree_hash(hashes[:k]), tree_hash(hashes[k:]))


def path_of(m: int, hashes: list[bytes]) -> list[bytes]:
    """PATH of RFC 6962 section 2.1.1."""
    if len(hashes) == 1:
        return []
    k = 1
    while k * 2 < len(hashes):
        k *= 2
    if m < k:
        return [*path_of(m, hashes[:k]), tree_hash(hashes[k:])]
    return [*path_of(m - k, hashes[k:]), tree_hash(hashes[:k])]


def proof_of(m: int, hashes: list[bytes], whole: bool = True) -> list[bytes]:
    """PROOF and SUBPROOF of RFC 6962 section 2.1.2."""
    if m == len(hashes):
        return [] if whole else [tree_hash(hashes)]
    k = 1
    while k * 2 < len(hashes):
        k *= 2
    if m <= k:
        return [*proof_of(m, hashes[:k], whole), tree_hash(hashes[k:])]
    return [*proof_of(m - k, hashes[k:], False), tree_hash(hashes[:k])]


@dataclass
class Reply:
    status: int
    headers: dict[str, str]
    body: bytes


class TlogClient:
    """One log at one prefix."""

    def __init__(self, prefix: str) -> None:
        parts = urlsplit(prefix)
        self._host, self._port, self._base = parts.hostname or "", parts.port, parts.path.rstrip("/")

    def get(self, path: str, method: str = "GET") -> Reply:
        """A resource, whatever the status."""
        connection = http.client.HTTPConnection(self._host, self._port, timeout=30)
        connection.request(method, self._base + path, headers={"Accept-Encoding": "identity"})
        answer = connection.getresponse()
        reply = Reply(answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read())
        connection.close()
        return reply

    def checkpoint(self, keys: list[Vkey], path: str = "/checkpoint") -> Head:
        """The newest head, verified."""
        reply = self.get(path)
        assert (reply.status, reply.headers["content-type"]) == (200, "text/plain; charset=utf-8")
        assert "immutable" not in reply.headers.get("cache-control", "")
        return open_checkpoint(reply.body, keys)

    def tile(self, level: str, index: int, width: int) -> bytes:
        """A tile or bundle by the rules for paths."""
        digits = f"{index:03d}" if index < 1000 else ""
        if not digits:
            whole = str(index).zfill(-(-len(str(index)) // 3) * 3)
            groups = [whole[at : at + 3] for at in range(0, len(whole), 3)]
            digits = "/".join([*(f"x{group}" for group in groups[:-1]), groups[-1]])
        path = f"/tile/{level}/{digits}" + (f".p/{width}" if width < 256 else "")
        reply = self.get(path)
        if reply.status != 200:
            raise Lie(f"{path}: HTTP {reply.status}")
        assert reply.headers["content-type"] == "application/octet-stream"
        assert int(reply.headers["cache-control"].split("max-age=")[1].split(",")[0]) > 86_400
        return reply.body

    def hashes(self, level: int, size: int) -> list[bytes]:
        """All hashes of a level in a tree of so many leaves."""
        count = size >> (8 * level)
        found: list[bytes] = []
        for index in range(-(-count // 256)):
            width = min(256, count - 256 * index)
            data = self.tile(str(level), index, width)
            if len(data) != 32 * width:
                raise Lie("a tile of another width")
            found += [data[at : at + 32] for at in range(0, len(data), 32)]
        return found

    def entries(self, size: int) -> list[bytes]:
        """All entries of a tree of so many leaves."""
        found: list[bytes] = []
        for index in range(-(-size // 256)):
            width = min(256, size - 256 * index)
            data, position, before = self.tile("entries", index, width), 0, len(found)
            while position < len(data):
                (length,) = struct.unpack_from(">H", data, position)
                found.append(data[position + 2 : position + 2 + length])
                position += 2 + length
            if position != len(data) or len(found) - before != width:
                raise Lie("a bundle of another width")
        return found

    def audit(self, head: Head) -> list[bytes]:
        """Fetch everything of a tree and compute it anew; the hashes of its leaves. Raises ``Lie``."""
        leaves = [leaf(entry) for entry in self.entries(head.size)]
        below = leaves
        level = 0
        while head.size >> (8 * level):
            if self.hashes(level, head.size) != below:
                raise Lie(f"level {level} is not what the entries give")
            below = [tree_hash(below[at : at + 256]) for at in range(0, len(below) - 255, 256)]
            level += 1
        if tree_hash(leaves) != head.root:
            raise Lie("the root is another one")
        return leaves
