"""A NUL in any path, search or form is refused with a code, on every page, and never a trouble of ours."""

from __future__ import annotations

from collections.abc import Iterator

from media_pages import Media
from portal_pages import Pages

NUL = "%00"
VALUES = {"int": "1", "uuid": "6f9619ff-8b86-4d01-b42d-00cf4fc964ff", "str": "ABCD1234"}


def addresses() -> Iterator[tuple[str, int]]:
    """Every address of the site with something in each of its places, and how many places take text."""
    from django.urls import URLResolver, get_resolver
    from django.urls.resolvers import RoutePattern

    def walk(resolver: URLResolver, before: str) -> Iterator[tuple[str, int]]:
        for one in resolver.url_patterns:
            if isinstance(one, URLResolver):
                yield from walk(one, before + str(one.pattern))
            elif isinstance(one.pattern, RoutePattern):
                filled, texts = before + str(one.pattern), 0
                for name, converter in one.pattern.converters.items():
                    kind = type(converter).__name__.removesuffix("Converter").lower()
                    kind = {"string": "str"}.get(kind, kind)
                    texts += kind == "str"
                    filled = filled.replace(f"<{kind}:{name}>", VALUES[kind])
                yield f"/{filled}", texts

    yield from walk(get_resolver(), "")


def is_refused(answer: object) -> bool:
    status, content = getattr(answer, "status_code", 0), getattr(answer, "content", b"")
    return status in (400, 404) and b"Code TS-" in content


def test_every_place_of_every_address(pages: Pages) -> None:
    found = dict(addresses())
    assert len(found) > 30
    assert sum(found.values()) >= 3, "places that take any text"
    officer = pages.signed_in(pages.officers[0])
    officer.get("/audits/")
    for address in found:
        parts = address.strip("/").split("/")
        for at in range(len(parts)):
            with_nul = "/" + "/".join([*parts[:at], parts[at] + NUL, *parts[at + 1 :]]) + "/"
            for visitor in (officer, pages.visitor()):
                assert is_refused(visitor.get(with_nul)), with_nul
                assert is_refused(visitor.post(with_nul)), with_nul
        for query in (f"?q={NUL}", f"?{NUL}", f"?page=1&verb=a{NUL}b"):
            assert is_refused(officer.get(address + query)), address + query


def test_places_that_no_page_has(pages: Pages) -> None:
    for path in ["/static/%00", "/static/operator/%00.css", "/%00", "/sign-in/1/%00/"]:
        assert is_refused(pages.visitor().get(path)), path


FORMS = (
    "/audits/ABCD1234/override/",
    "/quarantine/00ff/ask/",
    "/inspections/1/close/",
    "/builds/" + "0" * 64 + "/certify/",
    "/approvals/1/approve/",
    "/production/1/refuse/",
    "/sign-out/",
)


def test_every_form(pages: Pages) -> None:
    officer = pages.signed_in(pages.officers[0])
    officer.get("/audits/")
    for path in FORMS:
        for fields in ({"reason": "a good reason\x00 for it"}, {"decision": "\x00"}, {"\x00": "x"}):
            answer = pages.send(officer, path, **fields)
            assert (answer.status_code, b"Code TS-4024" in answer.content) == (400, True), path


def test_the_name_of_a_file(media: Media) -> None:
    owner = media.owner()
    owner.get("/media/")
    token = owner.cookies["__Host-ts-csrf"].value
    border = "border"
    body = (
        f'--{border}\r\nContent-Disposition: form-data; name="csrfmiddlewaretoken"\r\n\r\n{token}\r\n'
        f'--{border}\r\nContent-Disposition: form-data; name="fi\0les"; filename="a.json"\r\n\r\nx\r\n--{border}--\r\n'
    )
    answer = owner.post("/media/uploads/", body.encode(), content_type=f"multipart/form-data; boundary={border}")
    assert is_refused(answer)


def test_before_the_form_is_read_it_must_be_small_enough(pages: Pages) -> None:
    answer = pages.visitor().post("/sign-out/", {"reason": "\x00" + "x" * 70_000})
    assert (answer.status_code, b"Code TS-1003" in answer.content) == (413, True)
