"""From an uploaded file to files of a medium: the file itself, or what a ZIP holds, streamed and bounded.

Nothing is ever written under a name that came from outside, and an archive's directory is measured before it is read.
What is not ours is named in the report and left alone, archives inside archives included.
"""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator
from typing import BinaryIO

from tallystick.authority.channels.sdc.uploads.values import Offered
from tallystick.kernel.faults import Fault
from tallystick.kernel.limits import LIMITS
from tallystick.wire.media_files import MediaKind, is_plain_path, read_media_name

_END = b"PK\x05\x06"
_END_64 = b"PK\x06\x07"
_END_BYTES = 22
_COMMENT_MOST = 65_535
_CHUNK = 64 * 1024
_SIZES = {
    MediaKind.PACKAGE: LIMITS.audit_package_bytes,
    MediaKind.AUDIT_REQUEST: LIMITS.audit_request_bytes,
    MediaKind.RESULTS: LIMITS.medium_commands_bytes,
}
_METHODS = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})
_NAME_SHOWN = 200
_NOT_OURS = "not a file of the device's folder; left alone"


def offered_files(name: str, file: BinaryIO) -> Iterator[Offered]:
    """The files that an uploaded file means; raises ``TS-3151`` for an archive that cannot be read safely."""
    if file.read(4) in (b"PK\x03\x04", _END):
        yield from _of_archive(file)
        return
    file.seek(0)
    yield _offered(name, file)


def _offered(name: str, file: BinaryIO) -> Offered:
    """A single file by its name: bounded in size, refused by name where it is not ours."""
    most = _most_bytes(name)
    if most is None:
        return Offered(_shown(name), None, "TS-4008", _NOT_OURS)
    content = file.read(most + 1)
    if len(content) > most:
        return Offered(_shown(name), None, "TS-1003", f"more than {most} bytes")
    return Offered(name, content)


def _most_bytes(name: str) -> int | None:
    """How large a file of that name may be; none for one that nobody uploads, commands included."""
    read = read_media_name(name)
    return None if read is None else _SIZES.get(read.kind)


def _shown(name: str) -> str:
    """A stranger's name as it may stand in a report."""
    return "".join(one if one.isprintable() else "�" for one in name[:_NAME_SHOWN])


def _of_archive(file: BinaryIO) -> Iterator[Offered]:
    _measure_directory(file)
    try:
        archive = zipfile.ZipFile(file)
    except (zipfile.BadZipFile, ValueError, NotImplementedError, OSError) as error:
        raise Fault("TS-3151", detail="not a ZIP that can be read") from error
    with archive:
        entries = [entry for entry in archive.infolist() if not entry.filename.endswith("/")]
        if len(entries) > LIMITS.upload_archive_entries:
            raise Fault("TS-3151", detail=f"more than {LIMITS.upload_archive_entries} files")
        opened = 0
        for entry in entries:
            offered = _of_entry(archive, entry, LIMITS.upload_archive_opened_bytes - opened)
            opened += len(offered.content or b"")
            yield offered


def _measure_directory(file: BinaryIO) -> None:
    """The end record says how large the directory is: one that is huge would fill the memory before it is looked at.

    The 64-bit form is for archives far beyond our bounds, so it is refused.
    """
    size = file.seek(0, 2)
    tail_bytes = min(size, _END_BYTES + _COMMENT_MOST + 20)
    file.seek(size - tail_bytes)
    tail = file.read(tail_bytes)
    file.seek(0)
    at = tail.rfind(_END)
    if at < 0 or len(tail) - at < _END_BYTES:
        raise Fault("TS-3151", detail="not a whole ZIP")
    directory_bytes = int.from_bytes(tail[at + 12 : at + 16], "little")
    if _END_64 in tail[:at] or directory_bytes > LIMITS.upload_archive_directory_bytes:
        raise Fault("TS-3151", detail="the list of files in the ZIP is too long")


def _of_entry(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, room: int) -> Offered:
    """One entry, never more of it than its kind may have, whatever the archive says of its size."""
    name = entry.filename
    most = _most_bytes(name) if is_plain_path(name) else None
    if most is None:
        return Offered(_shown(name), None, "TS-4008", _NOT_OURS)
    if entry.flag_bits & 0x1 or entry.compress_type not in _METHODS:
        return Offered(_shown(name), None, "TS-3151", "encrypted, or packed in an unusual way")
    if entry.file_size > most:
        return Offered(_shown(name), None, "TS-1003", f"more than {most} bytes")
    try:
        content = _read_bounded(archive, entry, min(most, room))
    except (zipfile.BadZipFile, zlib.error, EOFError, ValueError, NotImplementedError, OSError):
        return Offered(_shown(name), None, "TS-3151", "damaged in the ZIP")
    if content is None and room < most:
        raise Fault("TS-3151", detail=f"more than {LIMITS.upload_archive_opened_bytes} bytes when opened")
    return (
        Offered(_shown(name), None, "TS-1003", f"more than {most} bytes") if content is None else Offered(name, content)
    )


def _read_bounded(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, most: int) -> bytes | None:
    """The content; none when it does not end where it should."""
    parts: list[bytes] = []
    total = 0
    with archive.open(entry) as stream:
        while part := stream.read(_CHUNK):
            total += len(part)
            if total > most:
                return None
            parts.append(part)
    return b"".join(parts)
