"""The form of a ledger export: a folder of gzip'ed JSON lines, signed heads, and a manifest that is written last.

`docs/guides/ledger-export.md` describes it for strangers. This module is all that the writer and the offline verifier
share of it: names, bounds, and the lines as values. Nothing that is read here is trusted.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable, Iterator
from typing import Protocol

import msgspec

from tallystick.kernel.faults import Fault

FORMAT = "tallystick-ledger-export"
VERSION = "1"
MANIFEST = "manifest.json"
TRUST_LIST = "trust-list.jws"
"""The authority's trust list, beside the manifest; absent where there is none."""
PART_ENTRIES = 4_096
LINE_BYTES_MAX = 8 * 1024 * 1024
PART_BYTES_MAX = 4 * 1024**3
MANIFEST_BYTES_MAX = 256 * 1024**2
CERTIFICATES_MAX = 2 * PART_ENTRIES
PATH_HASHES_MAX = 64
_CHUNK_BYTES = 64 * 1024
_NAME = re.compile(r"(?:parts|heads)/[0-9]{1,19}(?:\.jsonl\.gz|\.note)", re.ASCII)
_GZIP = 16 + zlib.MAX_WBITS


class Readable(Protocol):
    """A file as far as it is needed here."""

    def read(self, size: int, /) -> bytes:
        """At most so many bytes; none at the end."""


class Before(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """What stood before an entry in sequences whose previous entry is not in the same part.

    Links have 32 bytes; ``salt`` opens the taxpayer's sequence (its number is 1), ``day_total`` is decimal text.
    """

    taxpayer: bytes = b""
    salt: bytes = b""
    type: bytes = b""
    day: bytes = b""
    day_total: str = "0"


class Line(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """One line of a part: an entry (``leaf`` is set) or, before all entries, a certificate that they need (DER).

    A body that is no clean UTF-8 stands in ``body_base64``. Record, salt and body are absent where they were erased.
    ``buyer_salt`` opens the commitment to a buyer that the record holds.
    """

    index: int = -1
    leaf: bytes = b""
    salt: bytes = b""
    record: str = ""
    media_type: str = ""
    body: str | None = None
    body_base64: bytes | None = None
    buyer_salt: bytes = b""
    before: Before | None = None
    path: tuple[bytes, ...] = ()
    certificate: bytes = b""


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """A file of entries. ``first`` is the first index; ``bytes`` the size unpacked; ``sha256`` of the file as it is."""

    name: str
    first: int
    entries: int
    bytes: int
    sha256: str


class Head(msgspec.Struct, frozen=True, kw_only=True):
    """A signed head of the log in a file of its own."""

    name: str
    size: int
    sha256: str


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What the folder holds.

    ``scope`` is ``all``, ``span`` (all entries from ``first`` on to the last head) or ``selection`` (those of one day,
    taxpayer or device: ``of`` says which; each has its own path to the last head). ``edge``: the perfect nodes over the
    entries before ``first``, largest first. ``key_changes``: the notes by which one key of the log follows another.
    """

    format: str
    version: str
    origin: str
    scope: str
    of: dict[str, str]
    first: int
    size: int
    entries: int
    edge: tuple[bytes, ...]
    parts: tuple[Part, ...]
    heads: tuple[Head, ...]
    issuers: tuple[bytes, ...]
    key_changes: tuple[bytes, ...] = ()


SCOPES = frozenset({"all", "span", "selection"})
encode_line = msgspec.json.Encoder().encode
_decode_lines = msgspec.json.Decoder(Line).decode_lines
_decode_manifest = msgspec.json.Decoder(Manifest).decode


def write_manifest(manifest: Manifest) -> bytes:
    """The manifest's bytes, with line breaks for people."""
    return msgspec.json.format(msgspec.json.encode(manifest), indent=1) + b"\n"


def read_manifest(data: bytes) -> Manifest:
    """Read a manifest; raises ``TS-3050`` for all that it cannot be."""
    try:
        manifest = _decode_manifest(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Fault("TS-3050", detail=f"the manifest cannot be read: {error}") from None
    if manifest.format != FORMAT or manifest.version != VERSION or manifest.scope not in SCOPES:
        raise Fault("TS-3050", detail="an export of another format, version or scope")
    names = [part.name for part in manifest.parts] + [head.name for head in manifest.heads]
    if len(set(names)) != len(names) or not all(map(_NAME.fullmatch, names)):
        raise Fault("TS-3050", detail="the manifest names files that no export has")
    _check_sizes(manifest)
    return manifest


def _check_sizes(manifest: Manifest) -> None:
    if not 0 <= manifest.first <= manifest.size < 2**63 or (manifest.scope == "all" and manifest.first):
        raise Fault("TS-3050", detail="the manifest's first entry and size cannot be")
    for part in manifest.parts:
        if not (0 < part.entries <= PART_ENTRIES and 0 < part.bytes <= PART_BYTES_MAX and 0 <= part.first < 2**63):
            raise Fault("TS-3050", detail=f"{part.name}: impossible numbers")
    if any(not 0 < head.size <= manifest.size for head in manifest.heads):
        raise Fault("TS-3050", detail="a head of a size beyond the export's")
    if any(len(node) != 32 for node in manifest.edge) or len(manifest.edge) != manifest.first.bit_count():
        raise Fault("TS-3050", detail="the edge does not belong to the first entry")
    if manifest.scope == "selection":
        return
    expected = manifest.first
    for part in manifest.parts:
        if part.first != expected or part.first % PART_ENTRIES:
            raise Fault("TS-3050", detail=f"{part.name}: does not follow the part before it")
        expected += part.entries
    if expected != manifest.size:
        raise Fault("TS-3050", detail="the parts do not reach from the first entry to the last head")


def read_lines(file: Readable, unpacked_bytes: int) -> Iterator[Line]:
    """The lines of a part, one after the other; memory is that of a line and a chunk.

    Raises ``TS-3051`` when the file is cut or damaged, ``TS-3052`` when it unpacks to more than the manifest or a
    bound says, ``TS-3050`` when a line is none of this format.
    """
    waiting: list[bytes] = []
    length = 0
    for chunk in _inflate(file, unpacked_bytes):
        end = chunk.rfind(b"\n") + 1
        if end:
            yield from _lines(b"".join((*waiting, chunk[:end])))
            waiting, length = [], 0
        waiting.append(chunk[end:])
        length += len(chunk) - end
        if length > LINE_BYTES_MAX:
            raise Fault("TS-3052", detail=f"a line of more than {LINE_BYTES_MAX} bytes")
    if length:
        raise Fault("TS-3051", detail="the last line is cut")


def _lines(data: bytes) -> list[Line]:
    try:
        return _decode_lines(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Fault("TS-3050", detail=f"a line that is none of an export: {error}") from None


def _inflate(file: Readable, unpacked_bytes: int) -> Iterator[bytes]:
    inflater, left = zlib.decompressobj(_GZIP), unpacked_bytes
    try:
        while not inflater.eof:
            packed = inflater.unconsumed_tail or file.read(_CHUNK_BYTES)
            plain = inflater.decompress(packed, _CHUNK_BYTES)
            if not packed and not plain:
                raise Fault("TS-3051", detail="the file is cut")
            left -= len(plain)
            if left < 0:
                raise Fault("TS-3052", detail="unpacks to more than the manifest says")
            yield plain
    except zlib.error:
        raise Fault("TS-3051", detail="the file is damaged") from None
    if inflater.unused_data or file.read(1):
        raise Fault("TS-3051", detail="something stands behind the end of the file")
    if left:
        raise Fault("TS-3051", detail="unpacks to less than the manifest says")


def deflate(pieces: Iterable[bytes], level: int) -> Iterator[bytes]:
    """The same pieces as one gzip file without a name or a time, so that the same entries give the same file."""
    deflater = zlib.compressobj(level, zlib.DEFLATED, _GZIP)
    for piece in pieces:
        if packed := deflater.compress(piece):
            yield packed
    yield deflater.flush()
