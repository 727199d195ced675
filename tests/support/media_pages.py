"""The pages for media in the hand of a test: two taxpayers with a card each, their users, an officer, archives."""

from __future__ import annotations

import io
import zipfile
from typing import Any
from uuid import UUID

import attrs
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from portal_pages import Pages

OWN, FOREIGN = "OWNCARD1", "FOREIGN1"
PACKAGE = b'{"key":"AA==","iv":"AA==","payload":"AA=="}'
CARD = """INSERT INTO registry.secure_element (uid, tin, business_name, location_name, address, district, city, country,
 certificate, certificate_hash, not_before, not_after, environment_x, environment_y, encryption_key, limit_amount)
 VALUES (%s, %s, 'Shop', 'Corner', '', '', '', 'AQ', '', decode(md5(%s) || md5(%s), 'hex'), '2020-01-01', '2040-01-01',
 1, 9, 'package', 1)"""


@attrs.frozen
class Media:
    """The site with a card of the taxpayer's own, one of somebody else, an officer, and another taxpayer's user."""

    pages: Pages
    officer: int
    stranger: int

    def owner(self) -> Client:
        """A visitor who acts for the taxpayer of the own card."""
        return self.pages.signed_in(self.pages.taxpayer)

    def send(self, visitor: Client, *files: tuple[str, bytes], path: str = "/media/uploads/", **fields: str) -> Any:
        """Send the form as a browser does."""
        visitor.get("/media/")
        token = visitor.cookies["__Host-ts-csrf"].value
        chosen = [SimpleUploadedFile(name, content) for name, content in files]
        return visitor.post(path, {"csrfmiddlewaretoken": token, "files": chosen} | fields)

    def rows(self, number: str) -> list[tuple[Any, ...]]:
        """What is stored of an upload's files."""
        return self.pages.rows(
            "SELECT name, kind, state, status, code, body FROM media.upload_file "
            f"WHERE upload_id = '{UUID(number)}' ORDER BY position"
        )


def number_of(answer: Any) -> str:
    """The number of an upload that was taken."""
    assert answer.status_code == 302, answer.content
    return str(answer.headers["Location"]).rstrip("/").rpartition("/")[2]


def make_zip(entries: dict[str, bytes], *, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """An archive."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", method) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return target.getvalue()
