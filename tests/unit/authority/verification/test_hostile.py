"""Whatever arrives at the public door leaves with an answer of ours: a value or a coded fault, never a stack."""

from __future__ import annotations

from html import unescape
from re import findall
from urllib.parse import quote

import psycopg
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from public_bench import BROWSER, MemoryLedger, PublicBench

from tallystick.authority.projections.verification import visit
from tallystick.authority.projections.verification.words import PAGE_LANGUAGES
from tallystick.kernel.fault_catalogue import CATALOGUE


@pytest.mark.parametrize(
    ("method", "target", "status", "code"),
    [
        ("GET", "/", 404, "TS-1001"),
        ("GET", "/nothing", 404, "TS-1001"),
        ("GET", "/../../etc/passwd", 404, "TS-1001"),
        ("GET", "/v/../proof", 404, "TS-1001"),
        ("POST", "/v/", 404, "TS-1001"),
        ("DELETE", "/v/", 404, "TS-1001"),
        ("GET", "/specifications", 404, "TS-1001"),
        ("GET", "/Home/ChangeLanguage/xx-XX", 406, "TS-1007"),
        ("GET", "/Home/ChangeLanguage/en-US/../../v", 406, "TS-1007"),
        ("GET", "/Home/ChangeLanguage/", 404, "TS-1001"),
        ("GET", "/checkpoint", 404, "TS-4003"),
        ("GET", "/tile/0/000", 404, "TS-4003"),
        ("GET", "/tile/0/x001/000", 404, "TS-4003"),
        ("GET", "/tile/0/000.p/256", 404, "TS-1001"),
        ("GET", "/tile/64/000", 404, "TS-1001"),
        ("GET", "/tile/0/../../checkpoint", 404, "TS-1001"),
        ("GET", "/tile/0/%2e%2e/000", 404, "TS-1001"),
        ("GET", "/tile/0/0", 404, "TS-1001"),
        ("GET", "/tile/entries/000.p/0", 404, "TS-1001"),
        ("GET", "/proof/document/", 404, "TS-1001"),
        ("GET", "/proof/document/-1", 404, "TS-4003"),
        ("GET", "/proof/document/٣", 404, "TS-4003"),
        ("GET", "/proof/document/99999999999999999999", 404, "TS-4003"),
        ("GET", "/proof/document/ABCD1234-ABCD1234-1", 404, "TS-4003"),
        ("GET", "/proof/document/ABCD1234-ABCD1234-0", 404, "TS-4003"),
        ("GET", "/proof/document/abcd1234-ABCD1234-1", 404, "TS-4003"),
        ("GET", "/proof/document/ABCD1234-ABCD1234-99999999999", 404, "TS-4003"),
        ("GET", "/proof/consistency", 404, "TS-4003"),
        ("GET", "/proof/consistency?from=-1&to=x", 404, "TS-4003"),
    ],
)
def test_every_refusal_is_coded(bench: PublicBench, method: str, target: str, status: int, code: str) -> None:
    reply = bench.get(target, method=method)
    assert (reply.status, reply.json["code"]) == (status, code)
    assert reply.headers["content-type"] == "application/problem+json"
    assert reply.headers["x-content-type-options"] == "nosniff"
    assert len(reply.json["instance"]) == 16


def test_people_get_a_page_for_what_is_not_there(bench: PublicBench) -> None:
    reply = bench.get("/nothing", BROWSER, cookie="localization=sr-Latn-RS")
    assert (reply.status, reply.headers["content-type"]) == (404, "text/html; charset=utf-8")
    assert "Ova stranica ne postoji" in reply.text
    assert "TS-1001" in reply.text


@pytest.mark.parametrize("error", [psycopg.OperationalError("gone"), psycopg.errors.QueryCanceled("slow")])
def test_a_database_that_is_away_is_no_verdict(bench: PublicBench, error: Exception) -> None:
    """A buyer must not read *pending* or *not verifiable* because our database is away."""
    url = bench.book().verification_url
    bench.ledger.away = error
    reply = bench.verify(url)
    assert (reply.status, reply.json["code"], reply.headers["retry-after"]) == (503, "TS-5009", "5")
    page = bench.verify(url, BROWSER)
    assert (page.status, page.headers["retry-after"]) == (503, "5")
    assert "not available" in page.text


def test_our_own_bug_shows_nothing_of_us(bench: PublicBench, caplog: pytest.LogCaptureFixture) -> None:
    url = bench.book().verification_url
    bench.ledger.away = KeyError("secret/path")
    for accept in ("application/json", BROWSER):
        reply = bench.verify(url, accept)
        assert reply.status == 500
        assert "TS-5099" in reply.text
        assert "secret" not in reply.text
    assert "secret/path" in caplog.text


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(query=st.text(max_size=300), accept=st.sampled_from([BROWSER, "application/json", ""]))
@example(query="n=", accept=BROWSER)
@example(query="n=1&a=\x00", accept="")
def test_any_query_is_answered(bench: PublicBench, query: str, accept: str) -> None:
    reply = bench.get("/v/?" + query, accept)
    assert reply.status == (200 if query.startswith("n=") else 400), "a number that nobody knows is an answer"
    assert not reply.raw or "<script" not in reply.text


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(path=st.text(max_size=80), method=st.sampled_from(["GET", "HEAD", "POST", "PUT", "PATCH", "OPTIONS", "DELETE"]))
def test_any_path_is_answered(bench: PublicBench, path: str, method: str) -> None:
    prefixes = ("/", "/tile/", "/proof/", "/proof/document/", "/Home/ChangeLanguage/")
    for prefix in prefixes:
        reply = bench.get((prefix + path).partition("?")[0], method=method)
        assert reply.status in {200, 302, 400} or method == "HEAD" or reply.json["code"] in CATALOGUE


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(share=st.floats(0, 1, exclude_max=True), letter=st.sampled_from("ABCabc012%+/=&# \x00é"))
def test_any_changed_letter_of_a_code_is_seen(bench: PublicBench, share: float, letter: str) -> None:
    """Either nothing can be verified, or the letter was another spelling of the same bytes."""
    url = bench.sell().verification_url
    start = url.index("vl=") + 3
    position = start + int(share * (len(url) - start))
    reply = bench.verify(url[:position] + letter + url[position + 1 :])
    assert reply.status == 400 or reply.json == bench.verify(url).json


class TestLanguage:
    """The cookie, and the way back."""

    def test_the_cookie_chooses_and_nothing_else_does(self, bench: PublicBench) -> None:
        url = bench.book().verification_url
        shown = {
            "": "Invoice is verified",
            "localization=sr-Cyrl-RS": "Рачун је проверен",
            "a=b; localization=sr-Latn-RS": "Račun je proveren",
            "localization=sr%2DLatn%2DRS": "Račun je proveren",
            "localization=xx": "Invoice is verified",
            "localization": "Invoice is verified",
            "\x00=;;=;localization=": "Invoice is verified",
        }
        for cookie, sentence in shown.items():
            reply = bench.verify(url, BROWSER, cookie=cookie, accept_language="sr-Cyrl-RS")
            assert reply.ids["invoiceStatusLabel"] == sentence

    def test_the_country_chooses_without_a_cookie(self, bench: PublicBench) -> None:
        serbian = PublicBench(bench.ledger, language="sr-Cyrl-RS")
        assert serbian.verify(serbian.book().verification_url, BROWSER).ids["invoiceStatusLabel"] == "Рачун је проверен"

    @pytest.mark.parametrize(
        ("target", "location"),
        [
            ("/v/?vl=AbC%2B%2F%3D", "/v/?vl=AbC%2B%2F%3D"),
            ("/v/?vl=a+b/c=", "/v/?vl=a+b/c="),
            ("", "/v/"),
            ("https://evil.example/v/?vl=", "/v/"),
            ("//evil.example/v/?", "/v/"),
            ("/v/../../x", "/v/"),
            ("/v/?\r\nSet-Cookie: a=b", "/v/?%0D%0ASet-Cookie%3A+a=b"),
            ("/v/?" + "a" * 5000, "/v/"),
        ],
    )
    def test_only_our_own_page_is_gone_back_to(self, bench: PublicBench, target: str, location: str) -> None:
        reply = bench.get("/Home/ChangeLanguage/sr-Cyrl-RS?returnUrl=" + quote(target, safe=""))
        assert (reply.status, reply.headers["location"]) == (302, location)
        assert reply.headers["set-cookie"].startswith("localization=sr-Cyrl-RS; Path=/; Max-Age=")
        assert reply.headers["set-cookie"].endswith("SameSite=Lax; HttpOnly")

    def test_over_tls_the_cookie_is_secure(self, bench: PublicBench) -> None:
        secure = PublicBench(bench.ledger, secure=True)
        assert secure.get("/Home/ChangeLanguage/en-US").headers["set-cookie"].endswith("HttpOnly; Secure")

    def test_the_links_of_a_page_lead_back_to_it(self, bench: PublicBench) -> None:
        result = bench.book()
        page = bench.verify(result.verification_url, BROWSER).text
        links = [unescape(link) for link in findall(r'href="(/Home/ChangeLanguage/[^"]+)"', page)]
        assert len(links) == len(PAGE_LANGUAGES) - 1
        for link in links:
            back = bench.get(link)
            cookie = back.headers["set-cookie"].partition(";")[0]
            again = bench.get(back.headers["location"], BROWSER, cookie=cookie)
            assert again.status == 200
            assert again.ids["invoiceNumberLabel"] == str(result.number)
            assert again.ids["invoiceStatusLabel"] != "Invoice is verified"

    def test_switching_the_check_of_the_way_back_off_turns_its_test_red(
        self, bench: PublicBench, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        class Anywhere(str):
            """A text that claims to start with anything."""

            __slots__ = ()

            def startswith(self, *_: object) -> bool:
                return True

        fields = visit.form_fields
        monkeypatch.setattr(
            visit, "form_fields", lambda text: {name: Anywhere(value) for name, value in fields(text).items()}
        )
        with pytest.raises(AssertionError):
            self.test_only_our_own_page_is_gone_back_to(bench, "https://evil.example/v/?vl=", "/v/")


def test_published_files_are_served_and_nothing_beside_them(bench: PublicBench, tmp_path: object) -> None:
    ledger = bench.ledger
    assert isinstance(ledger, MemoryLedger)
    folder = ledger._published
    (folder / "tile/0").mkdir(parents=True)
    (folder / "tile/0/000").write_bytes(b"h" * 32 * 256)
    (folder / "checkpoint").write_bytes(b"note")
    (folder / "secret").write_bytes(b"secret")
    (folder / "tile/0/001").mkdir()
    assert bench.get("/checkpoint").body == b"note"
    tile = bench.get("/tile/0/000")
    assert tile.body == b"h" * 32 * 256
    assert tile.headers["cache-control"] == "max-age=31536000, immutable"
    assert bench.get("/checkpoint").headers["cache-control"] == "no-store"
    assert bench.get("/secret").status == 404
    assert bench.get("/tile/0/001").status == 404
