"""Pages for media: own cards only, files stored before the page says so, bounds, archives that are meant to harm."""

from __future__ import annotations

import io
import zipfile

import attrs
import psycopg
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from media_pages import FOREIGN, OWN, PACKAGE, Media, make_zip, number_of

from tallystick.authority.reference.commands import operations as commands
from tallystick.authority.reference.registry.operations import create_user, end_user_acting_for
from tallystick.kernel.limits import LIMITS
from tallystick.wire.taxcore_api import CommandType, read_commands


def test_each_role_begins_on_its_own_page(media: Media) -> None:
    for user, home in ((media.pages.operator, "/"), (media.officer, "/"), (media.pages.taxpayer, "/media/")):
        visitor = media.pages.signed_in(user)
        assert visitor.get("/home/").headers["Location"] == home
        assert visitor.get(home).status_code == 200


def test_default_deny_what_a_role_may_not_looks_like_nothing(media: Media) -> None:
    operator, taxpayer = media.pages.signed_in(), media.owner()
    assert taxpayer.get("/").status_code == 404
    for path in ("/media/", "/media/commands.zip", f"/media/commands/{OWN}.zip"):
        assert operator.get(path).status_code == 404
        assert media.pages.visitor().get(path).status_code == 302
    with psycopg.connect(media.pages.dsn) as connection:
        nobody = create_user(connection, "maker", "!", "A maker", "manufacturer")
        unbound = create_user(connection, "unbound", "!", "Bound to nobody", "taxpayer")
    visitor = media.pages.visitor()
    media.pages.press(visitor, media.pages.link(nobody))
    assert visitor.get("/media/").status_code == 404
    page = media.pages.signed_in(unbound).get("/media/").content.decode()
    assert "No card belongs to you." in page


def test_the_table_of_rights_is_asked_with_the_thing(media: Media) -> None:
    from django.http import Http404

    from tallystick.portals.accounts.models import AppUser
    from tallystick.portals.accounts.rights import CARRY_MEDIA, SEE_COUNTRY, authorise

    owner, officer = (AppUser.objects.get(pk=one) for one in (media.pages.taxpayer, media.officer))
    authorise(owner, CARRY_MEDIA, "1")
    authorise(officer, CARRY_MEDIA, "2")
    for tin in ("2", "", "11"):
        with pytest.raises(Http404):
            authorise(owner, CARRY_MEDIA, tin)
    authorise(officer, SEE_COUNTRY)
    with pytest.raises(Http404):
        authorise(owner, SEE_COUNTRY)
    with pytest.raises(Http404):
        authorise(owner, "an action that nobody wrote down")


def test_s2_099_files_are_stored_before_the_page_says_so(media: Media) -> None:
    visitor = media.owner()
    answer = media.send(visitor, (f"{OWN}-{OWN}-1.json", PACKAGE), (f"{OWN}.arp", bytes(260)), ("photo.jpg", b"x"))
    number = number_of(answer)
    rows = media.rows(number)
    assert [(row[0], row[2], row[4]) for row in rows] == [
        (f"{OWN}-{OWN}-1.json", "waiting", ""),
        (f"{OWN}.arp", "waiting", ""),
        ("photo.jpg", "done", "TS-4008"),
    ]
    assert bytes(rows[0][5]) == PACKAGE
    page = visitor.get(f"/media/uploads/{number}/").content.decode()
    assert "1 of 3 files judged" in page
    assert "Left alone; it does no harm." in page


def test_ts_4003_another_taxpayers_cards_files_and_uploads(media: Media) -> None:
    """S2-099: own cards only; what is another's looks like what does not exist."""
    visitor = media.owner()
    name = f"{FOREIGN}-{FOREIGN}-1.json"
    number = number_of(media.send(visitor, (name, PACKAGE), ("NOSUCHID-NOSUCHID-1.json", PACKAGE)))
    rows = media.rows(number)
    assert [row[2:] for row in rows] == [("done", None, "TS-4003", None)] * 2
    said = media.pages.rows(f"SELECT DISTINCT detail FROM media.upload_file WHERE upload_id = '{number}'")
    assert len(said) == 1, "in the same words"
    with psycopg.connect(media.pages.dsn) as connection:
        for uid in (OWN, FOREIGN):
            commands.queue(connection, uid, CommandType.SET_TIME_SERVER_URL, uid)
    for path in (f"/media/commands/{FOREIGN}.zip", "/media/commands/NOSUCHID.zip"):
        assert visitor.get(path).status_code == 404
    stranger = media.pages.signed_in(media.stranger)
    for path in (f"/media/uploads/{number}/", f"/media/uploads/{number}/list/"):
        assert stranger.get(path).status_code == 404
        assert visitor.get(path).status_code == 200
    sent = media.send(stranger, (name, PACKAGE), path=f"/media/uploads/{number}/files/")
    assert sent.status_code == 404
    token = visitor.cookies["__Host-ts-csrf"].value
    answer = visitor.post(f"/media/cards/{FOREIGN}/initialise/", {"csrfmiddlewaretoken": token})
    assert answer.status_code == 404
    officer = media.pages.signed_in(media.officer)
    assert media.rows(number_of(media.send(officer, (name, PACKAGE))))[0][2] == "waiting"


@pytest.mark.parametrize("switched_off", ["page", "room"])
def test_either_net_alone_keeps_a_stranger_out(
    media: Media, monkeypatch: pytest.MonkeyPatch, switched_off: str
) -> None:
    from tallystick.authority.channels.sdc.uploads.values import Sender
    from tallystick.portals.media import views

    if switched_off == "page":
        monkeypatch.setattr(views, "authorise", lambda *_: None)
    else:
        monkeypatch.setattr(Sender, "may", lambda *_: True)
    assert media.owner().get(f"/media/commands/{FOREIGN}.zip").status_code == 404


@pytest.mark.parametrize("switched_off", ["nothing", "page"])
def test_ts_4003_nobody_adds_to_an_upload_of_somebody_else(
    media: Media, monkeypatch: pytest.MonkeyPatch, switched_off: str
) -> None:
    """While it is open; and it stays open. Page and room keep him out, each alone."""

    owner = media.owner()
    number = number_of(media.send(owner, (f"{OWN}-{OWN}-1.json", PACKAGE), more="1"))
    if switched_off == "page":
        monkeypatch.setattr("tallystick.portals.media.views.queries.upload", lambda *_: None)
    path = f"/media/uploads/{number}/files/"
    for user in (media.stranger, media.officer):
        sent = media.send(media.pages.signed_in(user), (f"{FOREIGN}-{FOREIGN}-1.json", PACKAGE), path=path)
        assert sent.status_code == 404
    assert len(media.rows(number)) == 1
    assert media.send(owner, (f"{OWN}-{OWN}-2.json", PACKAGE), path=path).status_code == 302


def test_a_user_that_is_released_reaches_nothing_any_more(media: Media) -> None:
    visitor = media.owner()
    with psycopg.connect(media.pages.dsn) as connection:
        commands.queue(connection, OWN, CommandType.SET_TIME_SERVER_URL, "x")
    assert visitor.get(f"/media/commands/{OWN}.zip").status_code == 200
    with psycopg.connect(media.pages.dsn) as connection:
        assert end_user_acting_for(connection, "taxpayer", "1")
    assert visitor.get(f"/media/commands/{OWN}.zip").status_code == 404


def test_s2_100_commands_as_a_zip_for_the_medium(media: Media) -> None:
    with psycopg.connect(media.pages.dsn) as connection:
        for uid in (OWN, FOREIGN):
            commands.queue(connection, uid, CommandType.SET_TIME_SERVER_URL, uid)
    owner = media.owner().get("/media/commands.zip")
    assert owner.headers["Content-Type"] == "application/zip"
    assert owner.headers["Content-Disposition"] == 'attachment; filename="commands.zip"'
    with zipfile.ZipFile(io.BytesIO(owner.content)) as archive:
        assert archive.namelist() == [f"{OWN}/{OWN}.commands"]
        (command,) = read_commands(archive.read(f"{OWN}/{OWN}.commands"))
    assert (command.uid, command.payload) == (OWN, OWN)
    officer = media.pages.signed_in(media.officer)
    with zipfile.ZipFile(io.BytesIO(officer.get("/media/commands.zip").content)) as archive:
        assert sorted(archive.namelist()) == [f"{FOREIGN}/{FOREIGN}.commands", f"{OWN}/{OWN}.commands"]
    assert media.pages.rows("SELECT fetched_at FROM commands.command WHERE fetched_at IS NOT NULL") == []


def test_ts_3153_nothing_waits(media: Media) -> None:
    answer = media.owner().get(f"/media/commands/{OWN}.zip")
    assert answer.status_code == 404
    assert "TS-3153" in answer.content.decode()


def test_an_upload_in_pieces(media: Media) -> None:
    visitor = media.owner()
    number = number_of(media.send(visitor, (f"{OWN}-{OWN}-1.json", PACKAGE), more="1"))
    path = f"/media/uploads/{number}/files/"
    assert number_of(media.send(visitor, (f"{OWN}-{OWN}-2.json", PACKAGE), path=path)) == number
    assert [row[0] for row in media.rows(number)] == [f"{OWN}-{OWN}-1.json", f"{OWN}-{OWN}-2.json"]
    again = media.send(visitor, (f"{OWN}-{OWN}-3.json", PACKAGE), path=path)
    assert again.status_code == 404, "it is sealed"


def test_the_same_folder_again_is_answered_from_what_is_known(media: Media) -> None:
    """Uploading again is cheap and harmless: what was accepted is not judged again, and gets the same answer."""
    visitor = media.owner()
    first = number_of(media.send(visitor, (f"{OWN}-{OWN}-1.json", PACKAGE)))
    with psycopg.connect(media.pages.dsn) as connection:
        connection.execute(
            "UPDATE media.upload_file SET state = 'done', body = NULL, status = 4, judged_at = now() "
            "WHERE upload_id = %s",
            (first,),
        )
    second = number_of(media.send(visitor, (f"{OWN}-{OWN}-1.json", PACKAGE)))
    assert media.rows(second) == [(f"{OWN}-{OWN}-1.json", "package", "done", 4, "", None)]
    assert "Accepted before" in visitor.get(f"/media/uploads/{second}/?show=all").content.decode()
    third = number_of(media.send(visitor, (f"{OWN}-{OWN}-2.json", PACKAGE)))
    assert media.rows(third)[0][2] == "waiting", "a renamed file is looked at (TS-1204)"


def test_ts_1003_bodies_are_bounded_before_they_are_read(media: Media) -> None:
    visitor = media.owner()
    large = str(LIMITS.upload_request_bytes * 2)
    answer = visitor.post("/media/uploads/", b"x", content_type="multipart/form-data; boundary=x", CONTENT_LENGTH=large)
    assert answer.status_code == 413
    assert "TS-1003" in answer.content.decode()
    anonymous = media.pages.visitor()
    much = str(LIMITS.upload_request_bytes // 2)
    kind = "multipart/form-data; boundary=x"
    assert anonymous.post("/media/uploads/", b"x", content_type=kind, CONTENT_LENGTH=much).status_code == 413
    assert visitor.post("/sign-out/", b"x", content_type=kind, CONTENT_LENGTH=much).status_code == 413


def test_switching_the_bound_off_turns_its_test_red(media: Media) -> None:
    from django.conf import settings
    from django.test import override_settings

    without = [one for one in settings.MIDDLEWARE if not one.endswith("BodyBoundMiddleware")]
    with override_settings(MIDDLEWARE=without), pytest.raises(AssertionError):
        test_ts_1003_bodies_are_bounded_before_they_are_read(media)


def test_ts_3150_and_ts_3152_counts_are_bounded(media: Media, monkeypatch: pytest.MonkeyPatch) -> None:
    from tallystick.authority.channels.sdc.uploads import operations

    visitor = media.owner()
    small = attrs.evolve(LIMITS, upload_files=2, uploads_waiting_files_per_user=2)
    monkeypatch.setattr(operations, "LIMITS", small)
    three = [(f"{OWN}-{OWN}-{n}.json", PACKAGE + b" " * n) for n in (1, 2, 3)]
    answer = media.send(visitor, *three)
    assert (answer.status_code, "TS-3150" in answer.content.decode()) == (413, True)
    assert media.send(visitor, *three[:2]).status_code == 302
    answer = media.send(visitor, three[2])
    assert (answer.status_code, "TS-3152" in answer.content.decode()) == (429, True)
    assert answer.headers["Retry-After"] == "60"


def test_a_form_of_another_site_is_refused(media: Media) -> None:
    visitor = media.owner()
    assert visitor.post("/media/uploads/", {"files": SimpleUploadedFile("x.json", b"x")}).status_code == 403
    visitor.get("/media/")
    token = visitor.cookies["__Host-ts-csrf"].value
    answer = visitor.post("/media/uploads/", {"csrfmiddlewaretoken": token}, HTTP_SEC_FETCH_SITE="cross-site")
    assert answer.status_code == 403


def test_names_from_outside_are_shown_as_text(media: Media) -> None:
    visitor = media.owner()
    name = "<script>alert(1)</script>.json"
    number = number_of(media.send(visitor, ("m.zip", make_zip({name: b"x"}))))
    page = visitor.get(f"/media/uploads/{number}/").content.decode()
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)" in page


def test_no_page_for_media_holds_script_or_style_of_its_own(media: Media) -> None:
    import re

    visitor = media.owner()
    number = number_of(media.send(visitor, (f"{OWN}.arp", bytes(260))))
    for path in ("/media/", f"/media/uploads/{number}/", f"/media/uploads/{number}/list/"):
        text = visitor.get(path).content.decode()
        assert not re.findall(r"<style|style=|\son\w+=|<script(?![^>]* src=)", text)
