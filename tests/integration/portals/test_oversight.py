"""The activity log and the requests on the pages: what is done there is logged, and four eyes decide."""

from __future__ import annotations

import psycopg
import pytest
from django.test import Client
from media_pages import Media
from portal_pages import Pages

from tallystick.authority.oversight.activity import operations as activity
from tallystick.authority.oversight.activity.values import Act
from tallystick.authority.oversight.approvals import operations
from tallystick.authority.oversight.approvals.values import PORTAL, Person

REASON = "the court has decided so on Friday"


def text(visitor: Client, path: str) -> str:
    answer = visitor.get(path)
    assert answer.status_code == 200
    return str(answer.content.decode())


def logged(pages: Pages) -> list[tuple[str, str]]:
    return [(row[0], row[1]) for row in pages.rows("SELECT actor, verb FROM activity.entry ORDER BY seq")]


def ask(pages: Pages, by: str = "vera") -> int:
    with psycopg.connect(pages.dsn) as conn:
        from django.utils import timezone

        person = Person(by, PORTAL)
        return operations.ask(conn, "quarantine.decide", "batch 7", {"act": "00ff"}, REASON, person, timezone.now())


def test_signing_in_reading_and_signing_out_are_acts(pages: Pages) -> None:
    officer = pages.signed_in(pages.officers[0])
    text(officer, "/audits/")
    text(officer, "/quarantine/")
    text(officer, "/activity/")
    assert pages.send(officer, "/sign-out/").status_code == 302
    assert logged(pages) == [
        ("officer:vera", "session.sign-in"),
        ("officer:vera", "audits.read"),
        ("officer:vera", "quarantine.read"),
        ("officer:vera", "activity.read"),
        ("officer:vera", "session.sign-out"),
    ]


def test_a_failed_sign_in_is_no_act_of_that_user(pages: Pages) -> None:
    visitor = pages.visitor()
    assert pages.press(visitor, "/sign-in/1/nonsense/") == 401
    assert logged(pages) == []


def test_two_officers_decide_a_request(pages: Pages) -> None:
    number = ask(pages)
    vera, omar = (pages.signed_in(user) for user in pages.officers)
    page = text(vera, "/approvals/")
    assert "quarantine.decide, batch 7" in page
    assert "Approve" not in page, "not one's own"
    own = pages.send(vera, f"/approvals/{number}/approve/")
    assert (own.status_code, b"Code TS-4005" in own.content) == (409, True)
    text(omar, "/approvals/")
    assert pages.send(omar, f"/approvals/{number}/approve/").status_code == 302
    assert pages.rows("SELECT state, decided_by FROM approvals.request") == [("approved", "omar")]
    again = pages.send(omar, f"/approvals/{number}/refuse/")
    assert (again.status_code, b"Code TS-4007" in again.content) == (412, True)
    unknown = pages.send(omar, "/approvals/99/approve/")
    assert (unknown.status_code, b"Code TS-4003" in unknown.content) == (404, True)


def test_one_takes_his_own_request_back(pages: Pages) -> None:
    number = ask(pages)
    vera = pages.signed_in(pages.officers[0])
    text(vera, "/approvals/")
    assert pages.send(vera, f"/approvals/{number}/refuse/").status_code == 302
    assert pages.rows("SELECT state FROM approvals.request") == [("refused",)]


@pytest.mark.parametrize("path", ["/approvals/1/approve/", "/approvals/1/refuse/"])
def test_who_is_no_officer_decides_nothing(pages: Pages, path: str) -> None:
    ask(pages)
    for user in (pages.operator, pages.taxpayer):
        visitor = pages.signed_in(user)
        visitor.get("/activity/")
        assert pages.send(visitor, path).status_code == 404
    assert pages.rows("SELECT state FROM approvals.request") == [("pending",)]
    assert pages.signed_in(pages.taxpayer).get("/approvals/").status_code == 404


def test_a_form_from_elsewhere_decides_nothing(pages: Pages) -> None:
    number = ask(pages)
    omar = pages.signed_in(pages.officers[1])
    assert omar.post(f"/approvals/{number}/approve/").status_code == 403
    assert pages.rows("SELECT state FROM approvals.request") == [("pending",)]


def test_a_taxpayer_sees_what_concerns_him_and_nothing_else(media: Media) -> None:
    pages = media.pages
    with psycopg.connect(pages.dsn) as conn:
        from django.utils import timezone

        for tin, thing in (("1", "receipt of mine"), ("2", "receipt of another"), ("", "of nobody")):
            act = Act(at=timezone.now(), actor="officer:vera", verb="quarantine.readmit", object=thing, for_whom=tin)
            activity.record(conn, act)
    owner = pages.signed_in(pages.taxpayer)
    for query in ("", "?for=2", "?for=1", "?actor=officer:vera", "?thing=receipt of another", "?before=99"):
        page = text(owner, f"/activity/{query}")
        assert "receipt of another" not in page.replace('value="receipt of another"', "")
        assert "of nobody" not in page
    assert "receipt of mine" in text(owner, "/activity/")
    assert "receipt of mine" not in text(pages.signed_in(media.stranger), "/activity/")
    officer = pages.signed_in(pages.officers[0])
    assert "receipt of another" in text(officer, "/activity/?for=2")
    assert "receipt of mine" not in text(officer, "/activity/?for=2")


KEPT_BACK = (
    "inspections.list",
    "inspections.read",
    "inspections.close",
    "activity.read",
    "ledger.export",
    "personal.export",
    "room.new-deed",
)


def test_a_taxpayer_does_not_learn_that_somebody_looks_at_him(media: Media) -> None:
    """What is not named as his to see is kept back, whatever he searches for."""
    pages = media.pages
    with psycopg.connect(pages.dsn) as conn:
        from django.utils import timezone

        for verb in KEPT_BACK:
            act = Act(at=timezone.now(), actor="officer:vera", verb=verb, object="case 7", for_whom="1")
            activity.record(conn, act)
    owner = pages.signed_in(pages.taxpayer)
    for query in ("", "?for=1", "?thing=case 7", "?actor=officer:vera", *(f"?verb={verb}" for verb in KEPT_BACK)):
        page = text(owner, f"/activity/{query}")
        assert "Nothing was found." in page
        assert "case 7, concerns" not in page
    page = text(pages.signed_in(pages.officers[0]), "/activity/?for=1")
    assert page.count("case 7, concerns 1") == len(KEPT_BACK)


def test_the_log_is_read_page_by_page(pages: Pages) -> None:
    with psycopg.connect(pages.dsn) as conn:
        from django.utils import timezone

        for number in range(150):
            activity.record(
                conn, Act(at=timezone.now(), actor="process:worker", verb="test", object=f"thing-{number}.")
            )
    officer = pages.signed_in(pages.officers[0])
    first = text(officer, "/activity/?verb=test")
    assert "thing-149." in first
    assert "thing-49." not in first
    older = first.partition('href="?')[2].partition('"')[0].replace("&amp;", "&")
    second = text(officer, f"/activity/?{older}")
    assert "thing-49." in second
    assert "thing-50." not in second
    for garbage in ("before=-1", "before=x", "before=" + "9" * 40, "actor=%00", "verb=" + "x" * 5000):
        assert officer.get(f"/activity/?{garbage}").status_code in (200, 400)


def test_pages_that_show_what_belongs_to_others_are_acts_and_ones_own_are_not(media: Media) -> None:
    officer, owner = media.pages.signed_in(media.officer), media.pages.signed_in(media.pages.taxpayer)
    for path in ("/approvals/", "/production/", "/media/"):
        text(officer, path)
    text(owner, "/media/")
    acts = [verb for actor, verb in logged(media.pages) if verb != "session.sign-in"]
    assert acts == ["approvals.read", "production.read", "media.read"]


def test_an_upload_is_three_acts_of_its_sender(media: Media) -> None:
    owner = media.owner()
    media.send(owner, ("photo.jpg", b"a picture"))
    acts = [(actor, verb) for actor, verb in logged(media.pages) if verb.startswith("media.")]
    assert acts == [("taxpayer:taxpayer", verb) for verb in ("media.open", "media.add", "media.seal")]
    assert "photo" not in str(media.pages.rows("SELECT convert_from(body, 'UTF8') FROM activity.entry"))
