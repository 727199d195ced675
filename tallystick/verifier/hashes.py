"""The verifier's own hashing: links, commitments and the tree, written from the document of formats, not from the code.

Every hash is ``SHA-256(u8(len tag) || tag || u32(len f1) || f1 ...)`` with a tag ``tallystick/v1/...``, RFC 6962, or
plain SHA-256. Hashes have 32 bytes, integers are big-endian.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from hashlib import sha256 as _sha256

_U64 = 2**64 - 1
HASH_BYTES = 32
EMPTY_ROOT = _sha256(b"").digest()


def sha256(data: bytes) -> bytes:
    """Plain SHA-256."""
    return _sha256(data).digest()


def _field(data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + data


def _tagged(name: str) -> bytes:
    tag = b"tallystick/v1/" + name.encode("ascii")
    return bytes([len(tag)]) + tag


_DEVICE, _TAXPAYER, _TYPE, _DAY, _RECORD = map(
    _tagged, ("device-link", "taxpayer-link", "type-link", "day-link", "record")
)
_U64_FIELD = struct.Struct(">IQ")
_TYPE_FIELDS = struct.Struct(">IHIQ")
_DAY_FIELDS = struct.Struct(">IiIQ")
_LENGTH_32 = struct.pack(">I", 32)


def device_genesis(pair: str, certificate_hash: bytes, registration_leaf_hash: bytes) -> bytes:
    """What stands before a device's first link; ``pair`` is ``requestedBy-signedBy``."""
    head = _tagged("device-genesis")
    return sha256(head + _field(pair.encode()) + _field(certificate_hash) + _field(registration_leaf_hash))


def taxpayer_genesis(salt: bytes, tin: str) -> bytes:
    """What stands before a taxpayer's first link."""
    return sha256(_tagged("taxpayer-genesis") + _field(salt) + _field(tin.encode()))


def type_genesis(document_type: int) -> bytes:
    """What stands before the first link of a document type."""
    return sha256(_tagged("type-genesis") + _field(document_type.to_bytes(2, "big")))


def day_genesis(day: int) -> bytes:
    """What stands before the first link of a day."""
    return sha256(_tagged("day-genesis") + _field(day.to_bytes(4, "big", signed=True)))


def device_link(previous: bytes, number: int, body_hash: bytes) -> bytes:
    """The device's next link."""
    middle = _U64_FIELD.pack(8, number)
    return _sha256(_DEVICE + _LENGTH_32 + previous + middle + _LENGTH_32 + body_hash).digest()


def taxpayer_link(previous: bytes, number: int, body_hash: bytes) -> bytes:
    """The taxpayer's next link."""
    middle = _U64_FIELD.pack(8, number)
    return _sha256(_TAXPAYER + _LENGTH_32 + previous + middle + _LENGTH_32 + body_hash).digest()


def type_link(previous: bytes, document_type: int, number: int, body_hash: bytes) -> bytes:
    """The next link of a document type."""
    middle = _TYPE_FIELDS.pack(2, document_type, 8, number)
    return _sha256(_TYPE + _LENGTH_32 + previous + middle + _LENGTH_32 + body_hash).digest()


def day_link(previous: bytes, day: int, number: int, body_hash: bytes, total: int) -> bytes:
    """The next link of a day, with its running total modulo 2^64."""
    middle = _DAY_FIELDS.pack(4, day, 8, number)
    end = _U64_FIELD.pack(8, total & _U64)
    return _sha256(_DAY + _LENGTH_32 + previous + middle + _LENGTH_32 + body_hash + end).digest()


def record_commitment(salt: bytes, record: bytes) -> bytes:
    """What a leaf says about its record."""
    return _sha256(_RECORD + _field(salt) + _field(record)).digest()


def buyer_commitment(salt: bytes, buyer: str) -> bytes:
    """What a record says about the buyer that its document names."""
    return sha256(_tagged("buyer-commitment") + _field(salt) + _field(buyer.encode()))


def leaf_hash(leaf: bytes) -> bytes:
    """RFC 6962: the hash of a leaf."""
    return _sha256(b"\x00" + leaf).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """RFC 6962: the hash of a node."""
    return _sha256(b"\x01" + left + right).digest()


class Edge:
    """The right edge of a growing tree: perfect nodes with their heights, largest first."""

    __slots__ = ("_nodes", "size")

    def __init__(self, size: int = 0, nodes: Sequence[bytes] = ()) -> None:
        """A tree of ``size`` leaves whose perfect nodes are these; ``ValueError`` when they cannot be."""
        heights = [bit for bit in reversed(range(size.bit_length())) if size >> bit & 1]
        if len(heights) != len(nodes):
            raise ValueError("nodes that do not cover the tree")
        self.size = size
        self._nodes = list(zip(heights, nodes, strict=True))

    def add(self, node: bytes, height: int = 0) -> None:
        """Append a perfect node of ``2 ** height`` leaves; the size must be a multiple of that."""
        if self.size & ((1 << height) - 1):
            raise ValueError("a node that does not stand on its border")
        self.size += 1 << height
        while self._nodes and self._nodes[-1][0] == height:
            node = node_hash(self._nodes.pop()[1], node)
            height += 1
        self._nodes.append((height, node))

    @property
    def nodes(self) -> tuple[bytes, ...]:
        """The perfect nodes, largest first."""
        return tuple(node for _, node in self._nodes)

    def root(self, more: Sequence[bytes] = ()) -> bytes:
        """The root over all leaves, and over the smaller perfect nodes ``more`` behind them."""
        nodes = [node for _, node in self._nodes] + list(more)
        if not nodes:
            return EMPTY_ROOT
        root = nodes.pop()
        while nodes:
            root = node_hash(nodes.pop(), root)
        return root


def root_from_path(leaf: bytes, index: int, size: int, path: Sequence[bytes]) -> bytes | None:
    """The root to which an audit path leads (RFC 9162, 2.1.3.2); None when it has another length."""
    if not 0 <= index < size:
        return None
    place, last, root = index, size - 1, leaf
    for node in path:
        if last == 0:
            return None
        if place & 1 or place == last:
            root = node_hash(node, root)
            while not place & 1 and place:
                place >>= 1
                last >>= 1
        else:
            root = node_hash(root, node)
        place >>= 1
        last >>= 1
    return root if last == 0 else None
