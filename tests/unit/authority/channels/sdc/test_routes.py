"""From a request line to a handler."""

from __future__ import annotations

import pytest

from tallystick.authority.channels.sdc.routes import Request, Routes
from tallystick.authority.problems import MethodUnknown
from tallystick.kernel.faults import Fault
from tallystick.kit.asgi import Answer


async def handler(request: Request) -> Answer:
    return Answer(200)


ROUTES = Routes({"/api/v3/sdc/audit": {"POST": handler}, "/api/v3/sdc/commands/*": {"PUT": handler, "GET": handler}})


@pytest.mark.parametrize("path", ["/api/v3/sdc/audit", "//api/v3//sdc/audit/", "/API/V3/Sdc/Audit", "api/v3/sdc/audit"])
def test_slashes_collapse_and_case_does_not_matter(path: str) -> None:
    found = ROUTES.find("POST", path)
    assert (found.name, found.tail) == ("/api/v3/sdc/audit", "")


def test_the_tail_keeps_its_case() -> None:
    found = ROUTES.find("PUT", "/api/v3/sdc/Commands/AbC/")
    assert (found.name, found.tail) == ("/api/v3/sdc/commands/*", "AbC")


def test_a_method_that_the_path_does_not_know_names_those_that_it_does() -> None:
    with pytest.raises(MethodUnknown) as caught:
        ROUTES.find("DELETE", "/api/v3/sdc/commands/1")
    assert caught.value.allowed == "GET, HEAD, PUT"


def test_head_is_asked_where_get_is_known() -> None:
    assert ROUTES.find("HEAD", "/api/v3/sdc/commands/1").name == "/api/v3/sdc/commands/*"
    with pytest.raises(MethodUnknown):
        ROUTES.find("HEAD", "/api/v3/sdc/audit")


@pytest.mark.parametrize(
    "path", ["", "/", "/api", "/api/v3", "/api/v3/sdc/commands", "/api/v3/sdc/commands/1/2", "/x/*"]
)
def test_ts_1001_an_unknown_path(path: str) -> None:
    with pytest.raises(Fault, match="TS-1001"):
        ROUTES.find("GET", path)


@pytest.mark.parametrize("path", ["/api/v2/sdc/audit", "/api/v4", "//api/V10/x"])
def test_ts_1007_another_version(path: str) -> None:
    with pytest.raises(Fault, match="TS-1007"):
        ROUTES.find("GET", path)
