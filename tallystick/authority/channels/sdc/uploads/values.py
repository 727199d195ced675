"""What uploads are made of, as values: who hands in, files as they came, and what became of each."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from uuid import UUID

import attrs


class FileKind(StrEnum):
    """What a file of an upload is to us; the order of work is that of the names here."""

    PACKAGE = "package"
    AUDIT_REQUEST = "audit-request"
    RESULTS = "results"
    INITIALISE = "initialise"
    FOREIGN = "foreign"

    @property
    def rank(self) -> int:
        """Packages come before the request that they answer, both before results."""
        return list(FileKind).index(self)


@attrs.frozen(slots=True, kw_only=True)
class Sender:
    """Who hands in. ``acts_for`` are TINs; none is an officer, who may hand in for any card."""

    user_id: int
    username: str
    acts_for: tuple[str, ...] | None

    def may(self, tin: str) -> bool:
        """Whether this sender may hand in for the card of that taxpayer (empty: of nobody that is known)."""
        return self.acts_for is None or (tin != "" and tin in self.acts_for)


@attrs.frozen(slots=True)
class Offered:
    """A file as it came; ``code`` refuses it, and then there is no content."""

    name: str
    content: bytes | None
    code: str = ""
    detail: str = ""


@attrs.frozen(slots=True, kw_only=True)
class WaitingFile:
    """A stored file that is to be judged."""

    upload_id: UUID
    position: int
    name: str
    kind: FileKind
    uid: str
    tin: str
    body: bytes = attrs.field(repr=False)
    received_at: datetime
    attempts: int
    user_id: int
    username: str
    acts_for: tuple[str, ...] | None

    @property
    def sender(self) -> Sender:
        """Who handed it in, with the rights of that moment."""
        return Sender(user_id=self.user_id, username=self.username, acts_for=self.acts_for)


@attrs.frozen(slots=True, kw_only=True)
class Verdict:
    """What became of a file. ``again_at`` means that it waits; else it is done for good.

    ``status`` is the audit status of a package; ``code`` says why for anything but a plain success.
    """

    status: int | None = None
    replayed: bool = False
    code: str = ""
    detail: str = ""
    uid: str = ""
    again_at: datetime | None = None


@attrs.frozen(slots=True, kw_only=True)
class JudgedFile:
    """A line of an upload's list."""

    position: int
    name: str
    kind: FileKind
    uid: str
    is_done: bool
    status: int | None
    replayed: bool
    code: str
    detail: str


@attrs.frozen(slots=True, kw_only=True)
class UploadOverview:
    """An upload in figures: its files, those that are judged, and of these the accepted, refused and foreign ones."""

    upload_id: UUID
    username: str
    acts_for: tuple[str, ...] | None
    created_at: datetime
    sealed_at: datetime | None
    files: int
    done: int
    accepted: int
    refused: int
    left_alone: int

    @property
    def is_finished(self) -> bool:
        """Whether all files came and all are judged."""
        return self.sealed_at is not None and self.done == self.files

    @property
    def per_cent(self) -> int:
        """How much is judged."""
        return 100 if not self.files else self.done * 100 // self.files
