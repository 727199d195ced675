"""Builds on the pages: a maker hands in, officers decide, and nobody reaches another maker's (S0-082, S0-083)."""

from __future__ import annotations

from typing import Any

import attrs
import psycopg
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from maker import REASON, MakerOfTills
from portal_pages import Pages

from tallystick.authority.reference.registry.operations import create_user

ACME, OTHER = MakerOfTills(), MakerOfTills("other")


@attrs.frozen
class Makers:
    """The site with two makers' users, and one who acts for none."""

    pages: Pages
    acme: int
    other: int
    nobody: int


@pytest.fixture
def makers(pages: Pages) -> Makers:
    with psycopg.connect(pages.dsn) as conn:
        users = [create_user(conn, name, "!", name.title(), "manufacturer") for name in ("acme", "rival", "nobody")]
        acme, other, nobody = (int(user or 0) for user in users)
        ACME.register(conn, acme)
        OTHER.register(conn, other)
    return Makers(pages, acme, other, nobody)


def submit(makers: Makers, visitor: Client, compact: bytes) -> Any:
    token = visitor.cookies["__Host-ts-csrf"].value
    file = SimpleUploadedFile("build.jws", compact)
    return visitor.post("/builds/submit/", {"csrfmiddlewaretoken": token, "manifest": file})


def text(visitor: Client, path: str = "/builds/") -> str:
    answer = visitor.get(path)
    assert answer.status_code == 200
    return str(answer.content.decode())


def state(makers: Makers) -> list[tuple[object, ...]]:
    return makers.pages.rows("SELECT maker, state FROM builds.build ORDER BY maker")


def test_a_maker_hands_in_and_officers_decide(makers: Makers) -> None:
    pages = makers.pages
    maker = pages.signed_in(makers.acme)
    assert "No build was submitted yet" in text(maker)
    assert submit(makers, maker, ACME.manifest() + b"\n").status_code == 302
    assert "submitted" in text(maker)
    (build_id,) = pages.rows("SELECT build_id FROM builds.build")[0]
    vera, omar = (pages.signed_in(user) for user in pages.officers)
    assert "Certify" in text(vera)
    short = pages.send(vera, f"/builds/{build_id}/certify/", reason="ok")
    assert (short.status_code, b"Code TS-1220" in short.content) == (422, True)
    assert pages.send(vera, f"/builds/{build_id}/certify/", reason=REASON).status_code == 302
    assert state(makers) == [("acme", "certified")]
    again = pages.send(vera, f"/builds/{build_id}/refuse/", reason=REASON)
    assert (again.status_code, b"Code TS-4007" in again.content) == (412, True)
    assert pages.send(vera, f"/builds/{build_id}/revoke/", reason="it drops sales").status_code == 302
    assert state(makers) == [("acme", "certified")], "a revocation waits for a second officer"
    assert "builds.revoke" in text(omar, "/approvals/")
    shown = text(maker)
    assert REASON in shown
    assert "vera" not in shown, "a maker is told what was decided, not by whom"


def test_a_maker_reaches_his_own_builds_only(makers: Makers) -> None:
    pages = makers.pages
    rival = pages.signed_in(makers.other)
    text(rival)
    stolen = submit(makers, rival, ACME.manifest())
    assert (stolen.status_code, b"Code TS-1311" in stolen.content) == (403, True)
    assert state(makers) == [], "what was not his is not kept either"
    maker = pages.signed_in(makers.acme)
    text(maker)
    submit(makers, maker, ACME.manifest())
    assert "No build was submitted yet" in text(rival)
    assert pages.signed_in(makers.nobody).get("/builds/").status_code == 404


@pytest.mark.parametrize("compact", [b"", b"x", b"a.b.c", b"\xff" * 100, b"." * 2_000_000])
def test_what_is_no_manifest_changes_nothing(makers: Makers, compact: bytes) -> None:
    maker = makers.pages.signed_in(makers.acme)
    text(maker)
    answer = submit(makers, maker, compact)
    assert 400 <= answer.status_code < 500
    assert b"Code TS-" in answer.content
    assert state(makers) == []


def test_who_may_not_decide_decides_nothing(makers: Makers) -> None:
    pages = makers.pages
    maker = pages.signed_in(makers.acme)
    text(maker)
    submit(makers, maker, ACME.manifest())
    (build_id,) = pages.rows("SELECT build_id FROM builds.build")[0]
    for user, page in ((makers.acme, "/builds/"), (pages.operator, "/builds/"), (pages.taxpayer, "/activity/")):
        visitor = pages.signed_in(user)
        visitor.get(page)
        assert pages.send(visitor, f"/builds/{build_id}/certify/", reason=REASON).status_code == 404
    assert pages.signed_in(pages.taxpayer).get("/builds/").status_code == 404
    assert state(makers) == [("acme", "submitted")]
