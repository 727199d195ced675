"""In by a link, once, within half an hour, in demo mode only; sessions that a reader of the table cannot use."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from portal_pages import Pages

ROOT = Path("tallystick/portals")


def test_a_link_signs_in_once(pages: Pages) -> None:
    link = pages.link()
    visitor = pages.visitor()
    assert visitor.get("/").status_code == 302
    assert pages.press(visitor, link) == 302
    assert visitor.get("/").status_code == 200
    for again in (visitor, pages.visitor()):
        again.get(link)
        token = again.cookies["__Host-ts-csrf"].value
        answer = again.post(link, {"csrfmiddlewaretoken": token})
        assert answer.status_code == 401
        assert "TS-4001" in answer.content.decode()


def test_looking_at_a_link_does_not_spend_it(pages: Pages) -> None:
    link = pages.link()
    for _ in range(3):
        assert pages.visitor().get(link).status_code == 200
    assert pages.press(pages.visitor(), link) == 302


def test_of_two_who_press_at_once_one_comes_in(pages: Pages, monkeypatch: pytest.MonkeyPatch) -> None:
    from tallystick.portals.accounts.backend import LinkBackend, link_tokens

    token = pages.link().rstrip("/").rpartition("/")[2]
    check = link_tokens.check_token
    others: list[object] = []

    def check_while_another_signs_in(user: Any, given: str | None) -> bool:
        good = check(user, given)
        if not others:
            others.append(None)
            others[0] = LinkBackend().authenticate(None, user_id=pages.operator, link_token=token)
        return good

    monkeypatch.setattr(link_tokens, "check_token", check_while_another_signs_in)
    late = LinkBackend().authenticate(None, user_id=pages.operator, link_token=token)
    assert others[0] is not None
    assert late is None


def test_two_links_in_one_second_are_both_void_after_one_of_them(pages: Pages) -> None:
    first, second = pages.link(), pages.link()
    assert pages.press(pages.visitor(), first) == 302
    assert pages.press(pages.visitor(), second) == 401
    third = pages.link()
    assert pages.press(pages.visitor(), third) == 302
    assert pages.press(pages.visitor(), third) == 401


@pytest.mark.parametrize(("minutes", "status"), [(29, 302), (31, 401)])
def test_a_link_lives_half_an_hour(pages: Pages, monkeypatch: pytest.MonkeyPatch, minutes: int, status: int) -> None:
    from tallystick.portals.accounts.backend import link_tokens

    link = pages.link()
    later = datetime.now() + timedelta(minutes=minutes)
    monkeypatch.setattr(link_tokens, "_now", lambda: later)
    assert pages.press(pages.visitor(), link) == status


@pytest.mark.parametrize("setting", ["", "0", "true"])
def test_outside_a_demonstration_no_link_opens(pages: Pages, monkeypatch: pytest.MonkeyPatch, setting: str) -> None:
    from tallystick.portals.accounts.backend import LinkBackend
    from tallystick.portals.accounts.links import make_link

    link = pages.link()
    number, token = link.split("/")[2:4]
    visitor = pages.visitor()
    visitor.get(link)
    csrf = visitor.cookies["__Host-ts-csrf"].value
    monkeypatch.setenv("TALLYSTICK_PORTAL_DEMO", setting)
    assert visitor.get(link).status_code == 404
    assert visitor.post(link, {"csrfmiddlewaretoken": csrf}).status_code == 404
    assert LinkBackend().authenticate(None, user_id=int(number), link_token=token) is None
    with pytest.raises(LookupError):
        make_link("operator", "http://localhost/")
    assert "no other way in" in visitor.get("/sign-in/").content.decode()


def test_switching_the_demo_gate_off_turns_its_test_red(pages: Pages, monkeypatch: pytest.MonkeyPatch) -> None:
    from tallystick.portals.accounts import backend, links, views

    for module in (backend, views):
        monkeypatch.setattr(module, "links_allowed", lambda: True)
    with pytest.raises(AssertionError):
        test_outside_a_demonstration_no_link_opens(pages, monkeypatch, "0")
    assert links is not None


def test_nothing_but_a_good_link_of_an_active_user_opens(pages: Pages) -> None:
    link = pages.link()
    token = link.split("/")[3]
    for wrong in (
        f"/sign-in/{pages.taxpayer}/{token}/",
        f"/sign-in/9999999/{token}/",
        f"/sign-in/{pages.operator}/{token[:-1]}x/",
        f"/sign-in/{pages.operator}/x/",
        f"/sign-in/{10**30}/{token}/",
    ):
        assert pages.press(pages.visitor(), wrong) in (401, 404, 400)
    for with_nul in (pages.visitor().get, pages.visitor().post):
        assert with_nul(f"/sign-in/{pages.operator}/%00/").status_code == 400
    from tallystick.portals.accounts.models import AppUser

    AppUser.objects.filter(pk=pages.operator).update(is_active=False)
    assert pages.press(pages.visitor(), link) == 401


def test_make_link_names_an_active_user_only(pages: Pages) -> None:
    from tallystick.portals.accounts.links import make_link

    assert make_link("operator", "http://127.0.0.1:8450/").startswith(
        f"http://127.0.0.1:8450/sign-in/{pages.operator}/"
    )
    with pytest.raises(LookupError):
        make_link("nobody", "http://localhost/")


def test_a_form_needs_its_token_and_our_own_page(pages: Pages) -> None:
    link = pages.link()
    visitor = pages.visitor()
    assert visitor.post(link).status_code == 403
    visitor.get(link)
    form = {"csrfmiddlewaretoken": visitor.cookies["__Host-ts-csrf"].value}
    for headers in ({"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.example"}):
        answer = visitor.post(link, form, headers=headers)
        assert answer.status_code == 403
        assert "TS-4007" in answer.content.decode()
    assert visitor.post(link, form, headers={"Sec-Fetch-Site": "same-origin"}).status_code == 302


def test_switching_the_form_token_off_turns_its_test_red(pages: Pages, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Pages, "visitor", lambda self: Client(raise_request_exception=False, SERVER_NAME="localhost"))
    with pytest.raises(AssertionError):
        test_a_form_needs_its_token_and_our_own_page(pages)


def test_the_table_of_sessions_opens_no_session(pages: Pages) -> None:
    visitor = pages.signed_in()
    cookie = visitor.cookies["__Host-ts"]
    stored = [str(key) for (key,) in pages.rows("SELECT session_key FROM portal.django_session")]
    assert len(stored) == 1
    assert len(cookie.value) >= 43
    assert cookie.value not in stored[0]
    thief = pages.visitor()
    thief.cookies["__Host-ts"] = stored[0]
    assert thief.get("/").status_code == 302
    assert (cookie["secure"], cookie["httponly"], cookie["samesite"], cookie["path"]) == (True, True, "Strict", "/")


def test_signing_in_changes_the_session_and_signing_out_ends_it(pages: Pages) -> None:
    first = pages.signed_in()
    before = first.cookies["__Host-ts"].value
    assert pages.press(first, pages.link()) == 302
    after = first.cookies["__Host-ts"].value
    assert after != before
    old = pages.visitor()
    old.cookies["__Host-ts"] = before
    assert old.get("/").status_code == 302
    first.get("/")
    token = first.cookies["__Host-ts-csrf"].value
    assert first.get("/sign-out/").status_code == 405
    assert first.post("/sign-out/", {"csrfmiddlewaretoken": token}).status_code == 302
    ended = pages.visitor()
    ended.cookies["__Host-ts"] = after
    assert ended.get("/").status_code == 302
    assert pages.rows("SELECT count(*) FROM portal.django_session") == [(0,)]


def test_a_session_ends_after_eight_hours(pages: Pages) -> None:
    visitor = pages.signed_in()
    assert visitor.cookies["__Host-ts"]["max-age"] == 8 * 3600
    assert pages.rows("SELECT round(extract(epoch FROM expire_date - now()) / 3600) FROM portal.django_session") == [
        (8,)
    ]
    from django.contrib.sessions.models import Session
    from django.utils import timezone

    Session.objects.update(expire_date=timezone.now() - timedelta(seconds=1))
    assert visitor.get("/").status_code == 302


def test_another_role_sees_nothing(pages: Pages) -> None:
    """What is forbidden looks like what does not exist."""
    visitor = pages.signed_in(pages.taxpayer)
    forbidden, missing = visitor.get("/"), visitor.get("/nothing/")
    assert forbidden.status_code == missing.status_code == 404
    assert forbidden.content == missing.content
    assert visitor.get("/live/figures/").status_code == 404


def test_switching_the_rights_off_turns_their_test_red(pages: Pages, monkeypatch: pytest.MonkeyPatch) -> None:
    from tallystick.portals.accounts import rights

    monkeypatch.setattr(rights, "authorise", lambda *_: None)
    with pytest.raises(AssertionError):
        test_another_role_sees_nothing(pages)


def test_pages_are_for_those_who_signed_in_unless_they_say_otherwise(pages: Pages) -> None:
    visitor = pages.visitor()
    for path in ("/", "/live/figures/"):
        answer = visitor.get(path)
        assert (answer.status_code, answer.headers["Location"]) == (302, f"/sign-in/?next={path}")
    assert visitor.get("/sign-in/").status_code == 200
    assert "LoginRequiredMiddleware" in str(settings.MIDDLEWARE)
