"""What nobody but the forms of the device's page can make it do (TS-3133)."""

from __future__ import annotations

from pathlib import Path

import pytest
from esdc_bench import PIN
from esdc_live import Scene
from face_person import Person, at_the_device


def test_every_answer_keeps_other_pages_out(tmp_path: Path) -> None:
    async def act(scene: Scene, person: Person) -> None:
        for path in ("/", "/live", "/log", "/log.txt", "/clock", "/face.css", "/face.js", "/nothing"):
            headers = (await person.get(path)).headers
            policy = headers["content-security-policy"]
            assert "default-src 'none'" in policy
            assert "frame-ancestors 'none'" in policy
            assert "unsafe" not in policy
            assert headers["x-content-type-options"] == "nosniff"
            assert headers["cache-control"] == "no-store"
            assert "access-control-allow-origin" not in headers
        assert " style=" not in await person.page()
        assert " onclick=" not in await person.page()

    at_the_device(tmp_path, act)


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": ""},
        {"Origin": "http://127.0.0.1"},
        {"Origin": "", "Sec-Fetch-Site": "cross-site"},
        {"Origin": "", "Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Host": "evil.example"},
        {"Host": ""},
        {"Content-Type": "text/plain"},
        {"Content-Type": "application/json"},
    ],
)
def test_ts_3133_a_form_of_another_page_reaches_no_card(tmp_path: Path, headers: dict[str, str]) -> None:
    async def act(scene: Scene, person: Person) -> None:
        reply = await person.send("/pin", headers=headers, pin="0000")
        assert reply.status in (400, 403, 415)
        assert "PIN refused" not in person.running.esdc.device.log.text(), "the card was not asked"

    at_the_device(tmp_path, act)


@pytest.mark.parametrize("token", ["", "x", "é"])
def test_ts_3133_a_form_without_our_token_is_refused(tmp_path: Path, token: str) -> None:
    async def act(scene: Scene, person: Person) -> None:
        reply = await person.send("/pin", token=token, pin="0000")
        assert reply.status == 403
        assert b"TS-3133" in reply.body
        assert "PIN refused" not in person.running.esdc.device.log.text()

    at_the_device(tmp_path, act)


def test_a_name_that_points_here_is_not_served(tmp_path: Path) -> None:
    """DNS rebinding: the browser believes that the page is evil.example's own."""

    async def act(scene: Scene, person: Person) -> None:
        for host in ("evil.example", f"evil.example:{person.port}", "127.0.0.1", "127.0.0.1:1", ""):
            assert (await person.get("/", Host=host)).status in (400, 403), host
        for host in ("localhost", "127.0.0.1", "[::1]"):
            assert (await person.get("/", Host=f"{host}:{person.port}")).status == 200

    at_the_device(tmp_path, act)


def test_forms_are_bounded_and_paths_are_known(tmp_path: Path) -> None:
    async def act(scene: Scene, person: Person) -> None:
        assert (await person.send("/pin", pin="1" * 5000)).status == 413
        assert (await person.send("/pin", more={f"x{number}": "1" for number in range(20)})).status == 422
        assert (await person.send("/nothing")).status == 404
        assert (await person.get("/pin")).status == 404
        assert (await person.get("/words/en-US.toml")).status == 404
        assert (await person.get("/../device.py")).status == 404

    at_the_device(tmp_path, act)


def test_no_pin_is_kept_anywhere(tmp_path: Path) -> None:
    async def act(scene: Scene, person: Person) -> None:
        await person.send("/pin", pin="8391")
        await person.send("/pin", pin=PIN)
        for path in ("/", "/log", "/log.txt", "/clock"):
            assert "8391" not in await person.page(path)
        home = person.running.esdc.home
        assert not [file for file in home.rglob("*") if file.is_file() and b"8391" in file.read_bytes()]

    at_the_device(tmp_path, act)
