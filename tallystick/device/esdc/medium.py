"""A removable medium as a folder: what is read of it, and how files get onto it so that none is ever half there.

A file is written beside as ``name.tmp``, flushed, then renamed; the folder that holds the names is flushed after each
piece. The newer layout is written, both are read, in any case, since FAT does not tell cases apart (wire: chapter 8).
Foreign files are never touched. Every method may block: call it in a thread that nobody waits for.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from pathlib import Path

from tallystick.kernel.identifiers import SdcInvoiceNumber, Uid
from tallystick.kernel.limits import LIMITS
from tallystick.kit.atomic_file import sync_folder
from tallystick.wire.media_files import (
    OLDER_FOLDER,
    TEMPORARY,
    commands_name,
    package_name,
    read_media_name,
    request_name,
    results_name,
)

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_READ_ONLY = frozenset({errno.EROFS, errno.EACCES, errno.EPERM})


class MediumError(Exception):
    """The medium cannot be used any further; what it holds is whole."""


class MediumFull(MediumError):
    """No room for another file."""


class MediumReadOnly(MediumError):
    """It can be read, not written."""


class MediumGone(MediumError):
    """It was taken out, or does not answer any more."""


def medium_error(error: OSError) -> MediumError:
    """What an error of the operating system means for the export."""
    if error.errno in _FULL:
        return MediumFull(str(error))
    if error.errno in _READ_ONLY:
        return MediumReadOnly(str(error))
    return MediumGone(str(error))


class Medium:
    """One medium. All methods raise ``MediumError``."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._prepared: dict[str, tuple[Path, Path | None]] = {}

    def prepare(self, uid: str) -> None:
        """Make the card's folder where it is missing, drop what an interrupted export left, see that it can be written.

        Raises ``MediumReadOnly`` and ``MediumFull`` before anything is asked of a card.
        """
        try:
            folder = self._folder(uid)
            if folder is None:
                folder = self.root / uid
                folder.mkdir()
                sync_folder(self.root)
            for left in self._own_files(folder, TEMPORARY):
                left.unlink()
            probe = folder / (request_name(uid) + TEMPORARY)
            _write(probe, bytes(LIMITS.audit_request_bytes))
            probe.unlink()
            self._prepared[uid] = (folder, _child(folder, OLDER_FOLDER))
        except OSError as error:
            raise medium_error(error) from error

    def commands(self, uid: str) -> bytes | None:
        """The card's ``.commands`` file; raises ``MediumError`` also for one that is too large to be one."""
        return self._read(uid, commands_name(uid), LIMITS.medium_commands_bytes)

    def results(self, uid: str) -> bytes | None:
        """The card's ``.results`` file."""
        return self._read(uid, results_name(uid), LIMITS.medium_commands_bytes)

    def write_results(self, uid: str, content: bytes) -> None:
        """Replace the ``.results`` file."""
        self._replace(uid, results_name(uid), content)

    def has_request(self, uid: str) -> bool:
        """Whether a request for proof of audit of the card lies there already, in the newer layout."""
        return self._read(uid, request_name(uid), LIMITS.audit_request_bytes) is not None

    def write_request(self, uid: str, request: bytes) -> None:
        """Put the card's request there in place of an older one, raw bytes."""
        self._replace(uid, request_name(uid), request)

    def drop_request(self, uid: str) -> None:
        """Take a request away that is of an older audit than the packages beside it."""
        folder, _ = self._prepared[uid]
        try:
            found = _child(folder, request_name(uid))
            if found is not None:
                found.unlink()
        except OSError as error:
            raise medium_error(error) from error
        _sync(folder)

    def write_packages(self, uid: str, packages: list[tuple[int, bytes]], request: bytes | None = None) -> int:
        """Write packages, given oldest first; one that lies there already with these bytes is passed over.

        ``request`` comes with the first package that is written, and gets its room before it: a medium that takes a
        package always takes the request as well (S2-098). Gives how many were written.
        """
        written = 0
        folder, older = self._prepared[uid]
        try:
            for ordinal, package in packages:
                name = package_name(SdcInvoiceNumber(Uid(uid), Uid(uid), ordinal))
                if _holds(folder, name, package) or (older is not None and _holds(older, name, package)):
                    continue
                if request is None:
                    _put(folder, name, package)
                else:
                    _put_with_request(folder, name, package, request_name(uid), request)
                    request = None
                written += 1
        except OSError as error:
            raise medium_error(error) from error
        finally:
            if written:
                _sync(folder)
        return written

    def _replace(self, uid: str, name: str, content: bytes) -> None:
        try:
            folder = self._folder(uid)
            if folder is None:
                raise FileNotFoundError(errno.ENOENT, f"the folder {uid} is gone")
            _put(folder, name, content)
        except OSError as error:
            raise medium_error(error) from error
        _sync(folder)

    def _read(self, uid: str, name: str, most_bytes: int) -> bytes | None:
        try:
            folder = self._folder(uid)
            found = None if folder is None else _child(folder, name)
            if found is None or not found.is_file() or found.is_symlink():
                return None
            with found.open("rb") as file:
                content = file.read(most_bytes + 1)
        except OSError as error:
            raise medium_error(error) from error
        if len(content) > most_bytes:
            raise MediumError(f"{name} has more than {most_bytes} bytes")
        return content

    def _folder(self, uid: str) -> Path | None:
        found = _child(self.root, uid)
        return found if found is not None and found.is_dir() and not found.is_symlink() else None

    @staticmethod
    def _own_files(folder: Path, ending: str) -> Iterator[Path]:
        """Files whose names are ours but for an ending, in any case."""
        for entry in list(folder.iterdir()):
            if entry.name.lower().endswith(ending) and read_media_name(entry.name[: -len(ending)]) is not None:
                yield entry


def _child(folder: Path, name: str) -> Path | None:
    """The entry of that name in any case; of several the one that is spelled so."""
    exact = folder / name
    if exact.exists():
        return exact
    wanted = name.upper()
    return next((entry for entry in sorted(folder.iterdir()) if entry.name.upper() == wanted), None)


def _holds(folder: Path, name: str, content: bytes) -> bool:
    """Whether the very bytes lie there; the spelling of ours is enough, for we are the one who writes packages."""
    try:
        path = folder / name
        return path.stat().st_size == len(content) and path.read_bytes() == content
    except FileNotFoundError:
        return False


def _put(folder: Path, name: str, content: bytes) -> None:
    """Write beside, flush, rename; what cannot be finished leaves nothing behind but what a removal leaves."""
    beside = folder / (name + TEMPORARY)
    try:
        _write(beside, content)
        beside.rename(folder / name)
    except OSError:
        _forget(beside)
        raise


def _put_with_request(folder: Path, name: str, content: bytes, request_name: str, request: bytes) -> None:
    beside = folder / (request_name + TEMPORARY)
    try:
        _write(beside, request)
        _put(folder, name, content)
        beside.rename(folder / request_name)
    except OSError:
        _forget(beside)
        raise


def _write(path: Path, content: bytes) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_NOFOLLOW", 0), 0o644)
    try:
        view = memoryview(content)
        while view:
            view = view[os.write(handle, view) :]
        os.fsync(handle)
    finally:
        os.close(handle)


def _sync(folder: Path) -> None:
    try:
        sync_folder(folder)
    except OSError as error:
        raise medium_error(error) from error


def _forget(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError:
        return
