"""Django's pages in the hand of a test: visitors whom forms must convince, links, and a look into the database."""

from __future__ import annotations

import os
from typing import Any

import attrs
import psycopg
from django.test import Client

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tallystick.portals.settings")


@attrs.frozen
class Pages:
    """The site; ``operator`` and ``taxpayer`` are the numbers of two users, ``officers`` of two officers."""

    dsn: str
    operator: int
    taxpayer: int
    officers: tuple[int, int] = (0, 0)

    def visitor(self) -> Client:
        """A browser that forms must convince of their origin."""
        return Client(enforce_csrf_checks=True, raise_request_exception=False, SERVER_NAME="localhost")

    def link(self, user: int | None = None) -> str:
        """A fresh sign-in link's path."""
        from tallystick.portals.accounts.backend import link_tokens
        from tallystick.portals.accounts.models import AppUser

        account = AppUser.objects.get(pk=user or self.operator)
        return f"/sign-in/{account.pk}/{link_tokens.make_token(account)}/"

    def press(self, visitor: Client, path: str) -> int:
        """Open a page with a form, send the form, and give the status."""
        visitor.get(path)
        return int(self.send(visitor, path).status_code)

    def send(self, visitor: Client, path: str, **fields: str) -> Any:
        """Send a form of the page that is open."""
        token = visitor.cookies["__Host-ts-csrf"].value
        return visitor.post(path, {"csrfmiddlewaretoken": token} | fields)

    def signed_in(self, user: int | None = None) -> Client:
        """A visitor who came in by a link."""
        visitor = self.visitor()
        assert self.press(visitor, self.link(user)) == 302
        return visitor

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """Look into the database as its owner."""
        with psycopg.connect(self.dsn) as connection:
            return connection.execute(query).fetchall()
