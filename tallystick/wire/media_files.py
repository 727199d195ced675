"""Names of the files that a device and the authority exchange on a medium carried by hand (S2-081; wire: chapter 8).

The newer layout is written: ``{UID}/{UID}-{UID}-{n}.json``, ``{UID}/{UID}.arp``, ``.commands``, ``.results``. The older
one is read as well: packages and ``ARP.bin`` in ``{UID}/Audit/``. Media are FAT, so upper and lower case are the same.
"""

from __future__ import annotations

import re
from enum import StrEnum

import attrs

from tallystick.kernel.identifiers import UINT32_MAX, SdcInvoiceNumber, Uid

OLDER_FOLDER = "AUDIT"
TEMPORARY = ".tmp"
_UID = r"[A-Z0-9]{8}"
_PACKAGE = re.compile(rf"({_UID})-({_UID})-([1-9][0-9]{{0,9}})\.JSON", re.ASCII)
_NAMED = re.compile(rf"({_UID})\.(ARP|COMMANDS|RESULTS)", re.ASCII)
_FOLDER = re.compile(_UID, re.ASCII)
_OLDER_REQUEST = "ARP.BIN"
_PATH_CHARACTERS_MAX = 400


class MediaKind(StrEnum):
    """What a file of a medium is."""

    PACKAGE = "package"
    AUDIT_REQUEST = "audit-request"
    COMMANDS = "commands"
    RESULTS = "results"


@attrs.frozen(slots=True)
class MediaName:
    """What a name says: the kind, the card (empty where only a folder could tell), the invoice of a package."""

    kind: MediaKind
    uid: str
    number: SdcInvoiceNumber | None = None


def package_name(number: SdcInvoiceNumber) -> str:
    """``{UID}-{UID}-{ordinal}.json`` (S2-081)."""
    return f"{number}.json"


def request_name(uid: str) -> str:
    """The card's request for proof of audit, raw bytes."""
    return f"{uid}.arp"


def commands_name(uid: str) -> str:
    """Commands of the authority, a JSON array."""
    return f"{uid}.commands"


def results_name(uid: str) -> str:
    """Results of commands, a JSON array."""
    return f"{uid}.results"


def read_media_name(path: str) -> MediaName | None:
    """Read a file's path on a medium, in either layout and any case; none for what is not ours.

    Folders before the last but one say nothing. A path that climbs, is absolute or far too long is not ours.
    """
    if len(path) > _PATH_CHARACTERS_MAX or not is_plain_path(path):
        return None
    *folders, name = path.upper().split("/")
    if match := _PACKAGE.fullmatch(name):
        if int(match[3]) > UINT32_MAX:
            return None
        number = SdcInvoiceNumber(Uid(match[1]), Uid(match[2]), int(match[3]))
        return MediaName(MediaKind.PACKAGE, number.signed_by, number)
    if match := _NAMED.fullmatch(name):
        kinds = {"ARP": MediaKind.AUDIT_REQUEST, "COMMANDS": MediaKind.COMMANDS, "RESULTS": MediaKind.RESULTS}
        return MediaName(kinds[match[2]], match[1])
    if name == _OLDER_REQUEST:
        return MediaName(MediaKind.AUDIT_REQUEST, _uid_of_folders(folders))
    return None


def is_plain_path(path: str) -> bool:
    """Whether a path stays below where it starts: relative, with slashes, without climbing or control characters."""
    parts = path.split("/")
    return path.isprintable() and "\\" not in path and ":" not in path and not {"", ".", ".."} & set(parts)


def _uid_of_folders(folders: list[str]) -> str:
    """The card of ``{UID}/Audit/ARP.bin``, or of ``{UID}/ARP.bin``."""
    if folders and folders[-1] == OLDER_FOLDER:
        folders = folders[:-1]
    return folders[-1] if folders and _FOLDER.fullmatch(folders[-1]) else ""
