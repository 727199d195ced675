"""A batch of an offline register: its parts, the manifest that its device signs, and the report of a device's head.

A part is text: documents in their compact form, one a line, each line ended by a line feed, in the order of their
sequence. No document reaches over the edge of a part. A part may travel gzip'ed; what is named and hashed is the text.
The manifest and the head report are compact JWS with the header of a document (`wire.document_jws`), whose ``ts-seq``
and ``ts-prev`` are the place of the device's *next* document (security, 3.3; K-24).
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Annotated, TypeVar

import attrs
import msgspec
from msgspec import Meta

from tallystick.kernel.faults import Fault, FieldFault
from tallystick.kernel.hashing import HASH_BYTES, sha256
from tallystick.kernel.merkle import Frontier, leaf_hash
from tallystick.wire.compact_jws import read_base64url, write_base64url
from tallystick.wire.document_jws import (
    BATCH,
    DOCUMENT_BYTES_MAX,
    DocumentHeader,
    Sign,
    SignedDocument,
    read_signed,
    read_time,
    write_signed,
    write_time,
)
from tallystick.wire.strict_json import parse

BATCHES_PATH = "/ecr/v1/batches"
HEAD_PATH = "/ecr/v1/head"
HEAD = "tallystick-head+jws"
BATCH_ID_BYTES = 16
PART_BYTES_MAX = 1024 * 1024
PARTS_MAX = 1_024
BATCH_BYTES_MAX = 64 * 1024 * 1024
DOCUMENTS_MAX = 20_000
INFLATED_RATIO_MAX = 100
MANIFEST_BYTES_MAX = 128 * 1024
HEAD_BYTES_MAX = 4 * 1024
SEAL_BYTES_MAX = 256
_LINE_END = b"\n"
_HASH_TEXT = r"^[A-Za-z0-9_-]{43}\Z"

Count = Annotated[str, Meta(pattern=r"^[1-9][0-9]{0,9}\Z")]
CountOrNone = Annotated[str, Meta(pattern=r"^(0|[1-9][0-9]{0,9})\Z")]
HashText = Annotated[str, Meta(pattern=_HASH_TEXT)]
BatchText = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_-]{22}\Z")]
SealText = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_-]{0,342}\Z")]


class _Strict(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True, kw_only=True, gc=False):
    """Members that are exactly these."""


class _Announced(_Strict):
    batch: BatchText
    first: Count


class ManifestMembers(_Strict):
    """The payload of a manifest."""

    batch: BatchText
    first: Count
    last: Count
    documents: Count
    root: HashText
    parts: Annotated[tuple[HashText, ...], Meta(min_length=1, max_length=PARTS_MAX)]
    closing: Count
    memory: SealText = ""


class HeadMembers(_Strict):
    """The payload of a head report."""

    waiting: CountOrNone
    oldest: str = ""
    memory: SealText = ""


Said = TypeVar("Said", bound=_Strict)


@attrs.frozen(slots=True, kw_only=True)
class Announcement:
    """A batch is about to come: the id that its device chose (16 bytes), and its first sequence number."""

    batch: bytes
    first: int


@attrs.frozen(slots=True, kw_only=True)
class Manifest:
    """What a device says of a whole batch. ``root`` is the RFC 6962 root over the body hashes of its documents.

    ``parts`` are the SHA-256 of the parts' text; ``closing`` is the sequence number of the report that closes the
    batch; ``memory`` is what the write-once memory seals its head with, opaque here.
    """

    batch: bytes
    first: int
    last: int
    documents: int
    root: bytes
    parts: tuple[bytes, ...]
    closing: int
    memory: bytes = b""


@attrs.frozen(slots=True, kw_only=True)
class SignedManifest:
    """A manifest as it came: ``signed.header`` names the place of the next document, so its link is the head."""

    signed: SignedDocument
    manifest: Manifest

    @property
    def head(self) -> bytes:
        """The device link of the last document."""
        return self.signed.header.previous


@attrs.frozen(slots=True, kw_only=True)
class HeadReport:
    """Where a device says that it stands: its last number and link, how many documents wait, and since when (ms)."""

    signed: SignedDocument
    sequence: int
    link: bytes
    waiting: int
    oldest_ms: int | None
    memory: bytes = b""


def write_part(documents: Iterable[bytes]) -> bytes:
    """The text of a part; raises what `read_part` would raise."""
    text = b"".join([compact + _LINE_END for compact in documents])
    read_part(text)
    return text


def read_part(text: bytes) -> list[bytes]:
    """The documents of a part. Raises ``TS-1003`` (size) and ``TS-3281`` (form)."""
    if len(text) > PART_BYTES_MAX:
        raise Fault("TS-1003", detail=f"a part has at most {PART_BYTES_MAX} bytes")
    if not text.endswith(_LINE_END):
        raise Fault("TS-3281", detail="a part has at least one document, and each line ends with a line feed")
    lines = text[:-1].split(_LINE_END)
    if not all(lines):
        raise Fault("TS-3281", detail="an empty line")
    return lines


def split_parts(documents: Iterable[bytes], part_bytes: int = PART_BYTES_MAX) -> Iterator[bytes]:
    """Parts of at most so many bytes, each as full as it gets; raises ``TS-1003`` for a document that is too large."""
    lines: list[bytes] = []
    size = 0
    for compact in documents:
        if len(compact) > DOCUMENT_BYTES_MAX:
            raise Fault("TS-1003", detail=f"a document of more than {DOCUMENT_BYTES_MAX} bytes")
        if lines and size + len(compact) + 1 > part_bytes:
            yield b"".join(lines)
            lines, size = [], 0
        lines.append(compact + _LINE_END)
        size += len(compact) + 1
    if lines:
        yield b"".join(lines)


def inflate(data: bytes, bytes_max: int = PART_BYTES_MAX) -> bytes:
    """What one gzip member holds; never more than the bound is made, whatever it says of itself.

    Raises ``TS-1203`` beyond the bound or the ratio, ``TS-3280`` for what is truncated, damaged, or more than one
    member.
    """
    most = min(bytes_max, len(data) * INFLATED_RATIO_MAX)
    reader = zlib.decompressobj(16 + zlib.MAX_WBITS)
    try:
        text = reader.decompress(data, most + 1)
    except zlib.error:
        raise Fault("TS-3280", detail="the coding of the part is damaged") from None
    if len(text) > most:
        raise Fault("TS-1203", detail=f"more than {bytes_max} bytes, or {INFLATED_RATIO_MAX} times what came")
    if not reader.eof or reader.unused_data:
        raise Fault("TS-3280", detail="the part is cut off, or something follows its end")
    return text


def merkle_root(body_hashes: Iterable[bytes]) -> bytes:
    """The root of RFC 6962 whose leaves are the body hashes in order."""
    tree = Frontier()
    for body_hash in body_hashes:
        tree.append(leaf_hash(body_hash))
    return tree.root()


def write_announcement(announcement: Announcement) -> bytes:
    """The body of the call that announces a batch."""
    said = _Announced(batch=_text(announcement.batch), first=str(announcement.first))
    return msgspec.json.encode(said, order="sorted")


def read_announcement(body: bytes) -> Announcement:
    """Read it; raises the faults of `strict_json.parse` and ``TS-1220``."""
    said = _read(body, _Announced)
    return Announcement(batch=_exactly(said.batch, BATCH_ID_BYTES, "/batch"), first=int(said.first))


def read_batch_id(text: str) -> bytes:
    """A batch's id in a path; raises ``TS-1201``."""
    data = read_base64url(text.encode("ascii", "replace"))
    if len(data) != BATCH_ID_BYTES:
        raise Fault("TS-1201", detail=f"a batch's id has {BATCH_ID_BYTES} bytes")
    return data


def make_manifest(batch: bytes, documents: Sequence[SignedDocument], parts: Iterable[bytes]) -> Manifest:
    """The manifest of documents that were put into these parts; the last document closes the batch."""
    return Manifest(
        batch=batch,
        first=documents[0].header.sequence,
        last=documents[-1].header.sequence,
        documents=len(documents),
        root=merkle_root(one.body_hash for one in documents),
        parts=tuple([sha256(part) for part in parts]),
        closing=documents[-1].header.sequence,
    )


def write_manifest(header: DocumentHeader, manifest: Manifest, sign: Sign) -> bytes:
    """The signed manifest; ``header`` names the next place. Raises what `read_manifest` would raise."""
    said = ManifestMembers(
        batch=_text(manifest.batch),
        first=str(manifest.first),
        last=str(manifest.last),
        documents=str(manifest.documents),
        root=_text(manifest.root),
        parts=tuple([_text(digest) for digest in manifest.parts]),
        closing=str(manifest.closing),
        memory=_text(manifest.memory),
    )
    payload = msgspec.json.encode(said, order="sorted")
    compact = write_signed(attrs.evolve(header, typ=BATCH), payload, sign)
    read_manifest(compact)
    return compact


def read_manifest(compact: bytes) -> SignedManifest:
    """Read a signed manifest; its signature is not checked here.

    Raises ``TS-1003``, ``TS-1201``, the faults of `strict_json.parse`, ``TS-1220``, and ``TS-2410`` where it
    contradicts itself.
    """
    signed = read_signed(compact, typ=BATCH, bytes_max=MANIFEST_BYTES_MAX)
    said = _read(signed.payload, ManifestMembers)
    manifest = Manifest(
        batch=_exactly(said.batch, BATCH_ID_BYTES, "/batch"),
        first=int(said.first),
        last=int(said.last),
        documents=int(said.documents),
        root=_exactly(said.root, HASH_BYTES, "/root"),
        parts=tuple([_exactly(text, HASH_BYTES, "/parts") for text in said.parts]),
        closing=int(said.closing),
        memory=_bytes(said.memory, "/memory"),
    )
    _check(signed, manifest)
    return SignedManifest(signed=signed, manifest=manifest)


def _check(signed: SignedDocument, manifest: Manifest) -> None:
    if manifest.documents > DOCUMENTS_MAX:
        raise Fault("TS-1003", detail=f"a batch has at most {DOCUMENTS_MAX} documents")
    if manifest.documents != manifest.last - manifest.first + 1 or manifest.documents < len(manifest.parts):
        raise Fault("TS-2410", detail="the numbers, the documents and the parts do not go together")
    if signed.header.sequence != manifest.last + 1:
        raise Fault("TS-2410", detail="the header of a batch names the place after its last document")


def write_head(
    header: DocumentHeader, sign: Sign, waiting: int, oldest_ms: int | None = None, memory: bytes = b""
) -> bytes:
    """A signed head report; ``header`` names the next place. Raises what `read_head` would raise."""
    oldest = "" if oldest_ms is None else write_time(oldest_ms)
    payload = msgspec.json.encode(
        HeadMembers(waiting=str(waiting), oldest=oldest, memory=_text(memory)), order="sorted"
    )
    compact = write_signed(attrs.evolve(header, typ=HEAD), payload, sign)
    read_head(compact)
    return compact


def read_head(compact: bytes) -> HeadReport:
    """Read a head report; its signature is not checked here. Raises as `read_manifest`."""
    signed = read_signed(compact, typ=HEAD, bytes_max=HEAD_BYTES_MAX)
    said = _read(signed.payload, HeadMembers)
    waiting, sequence = int(said.waiting), signed.header.sequence - 1
    if bool(waiting) != bool(said.oldest) or waiting > sequence:
        raise Fault("TS-1220", detail="what waits has an oldest one", fields=(FieldFault("/waiting", "4"),))
    return HeadReport(
        signed=signed,
        sequence=sequence,
        link=signed.header.previous,
        waiting=waiting,
        oldest_ms=read_time(said.oldest) if said.oldest else None,
        memory=_bytes(said.memory, "/memory"),
    )


def _read(payload: bytes, kind: type[Said]) -> Said:
    value = parse(payload, max_bytes=MANIFEST_BYTES_MAX)
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        _, _, place = str(error).partition("at `$.")
        pointer = "/" + place.rstrip("`").split("[")[0] if place else "/"
        raise Fault(
            "TS-1220",
            detail="a member is missing, unknown, or not as the schema says",
            fields=(FieldFault(pointer, "5"),),
        ) from None


def _exactly(text: str, length: int, pointer: str) -> bytes:
    data = _bytes(text, pointer)
    if len(data) != length:
        raise Fault("TS-1220", detail=f"{length} bytes in base64url", fields=(FieldFault(pointer, "5"),))
    return data


def _bytes(text: str, pointer: str) -> bytes:
    try:
        return read_base64url(text.encode("ascii"))
    except Fault:
        raise Fault("TS-1220", detail="not base64url", fields=(FieldFault(pointer, "5"),)) from None


def _text(data: bytes) -> str:
    return write_base64url(data).decode("ascii")
