"""Plain words for what became of a file: one sentence a status, one a code; whoever reads them is no engineer."""

from __future__ import annotations

import attrs

from tallystick.authority.channels.sdc.uploads.queries import Group
from tallystick.authority.channels.sdc.uploads.values import FileKind, JudgedFile
from tallystick.kernel.fault_catalogue import CATALOGUE

GOOD, BAD, WAITING, ALONE = "good", "bad", "waiting", "alone"

STATUS_WORDS = {
    0: "Not recognised: the file is damaged or was not written for this authority. The device keeps the invoice.",
    1: "Could not be stored just now. It is tried again by itself.",
    2: "The signature does not fit the content. The device keeps the invoice; call the service centre.",
    3: "The protected data in the invoice cannot be read. Stored and put aside; the authority looks at it.",
    4: "Accepted",
    5: "The tax rates in the invoice are unknown or out of date. Stored with a mark.",
    6: "The card was revoked when the invoice was signed. Stored with a mark.",
    8: "The card was not issued here. The device keeps the invoice; call the service centre.",
    24: "The maker's code of the device is malformed. Stored with a mark.",
    67: "The time in the invoice is not the time that the card signed. Stored with a mark.",
    68: "The time of the document that is referred to cannot be right. Stored with a mark.",
    69: "A tax label is missing in the tax rates of that time. Stored with a mark.",
    70: "A tax category is missing in the tax rates of that time. Stored with a mark.",
    71: "The way of payment is missing. Stored with a mark.",
    72: "Seller or card in the invoice are not those of the signature. The authority looks at it.",
    73: "The invoice is dated too far in the future. Check the clock of the device. Stored with a mark.",
    74: "The document that is referred to is dated after the invoice. Stored with a mark.",
    75: "The invoice is older than the country allows. Stored with a mark.",
    76: "The document that is referred to is older than the country allows. Stored with a mark.",
    78: "The verification address is missing. Stored with a mark.",
}
_CODE_WORDS = {
    "TS-4003": "This card is not one of yours, or does not exist. The file was not looked at.",
    "TS-4008": "Not a file of the device. Left alone; it does no harm.",
    "TS-1003": "The file is too large to be what its name says.",
    "TS-1204": "The name of the file does not fit what is in it. Upload the file as the device wrote it.",
    "TS-3101": "This is not a card's request for a proof of audit, or it is damaged.",
    "TS-3103": "A newer request of the card has taken the place of this one.",
    "TS-3107": "A result belongs to a command that the card was never given.",
    "TS-3108": "A result contradicts one that was reported before.",
    "TS-3151": "The file cannot be read from the archive. Pack the folder anew.",
    "TS-1006": "Waits: too many files in the last hour could not be accepted. It is tried again by itself.",
}
_KINDS = {
    FileKind.PACKAGE: "Invoice package",
    FileKind.AUDIT_REQUEST: "Request for a proof of audit",
    FileKind.RESULTS: "Results of commands",
    FileKind.INITIALISE: "First commands for the device",
    FileKind.FOREIGN: "Other file",
}
_TAKEN = {
    FileKind.AUDIT_REQUEST: "Taken. The proof of audit follows when every package is here.",
    FileKind.RESULTS: "Taken.",
    FileKind.INITIALISE: "Prepared. The commands can be downloaded.",
}


@attrs.frozen(slots=True)
class Line:
    """One row of a table: what, in words, a mark (``good``, ``bad``, ``waiting``), and what helps support."""

    name: str
    kind: str
    words: str
    mark: str
    code: str
    count: int = 1


def line_of(file: JudgedFile) -> Line:
    """A file's row."""
    words, mark = _said(file.kind, file.is_done, file.status, file.code)
    if file.replayed and file.status == 4:
        words = "Accepted before"
    if file.detail and file.kind in (FileKind.AUDIT_REQUEST, FileKind.RESULTS):
        words = f"{words} {file.detail[0].upper()}{file.detail[1:]}."
    return Line(file.name, _KINDS[file.kind], words, mark, _code(file.status, file.code))


def line_of_group(group: Group) -> Line:
    """The row of files that share one fate."""
    words, mark = _said(group.kind, group.is_done, group.status, group.code)
    return Line("", _KINDS[group.kind], words, mark, _code(group.status, group.code), group.count)


def urgency(line: Line) -> int:
    """What calls for somebody comes first."""
    return (BAD, WAITING, GOOD, ALONE).index(line.mark)


def _said(kind: FileKind, is_done: bool, status: int | None, code: str) -> tuple[str, str]:
    if not is_done:
        return (_CODE_WORDS.get(code, "Waits. It is tried again by itself.") if code else "Waits its turn."), WAITING
    if status is not None:
        return STATUS_WORDS.get(status, f"Audit status {status}."), GOOD if status == 4 else BAD
    if not code:
        return _TAKEN.get(kind, "Taken."), GOOD
    mark = ALONE if kind is FileKind.FOREIGN else BAD
    return _CODE_WORDS.get(code) or f"{CATALOGUE[code].title}.", mark


def _code(status: int | None, code: str) -> str:
    number = f"status {status}" if status not in (None, 4) else ""
    return " · ".join(part for part in (number, code) if part)
