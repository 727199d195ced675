"""A number in a path that no row can have is nothing that exists, never a trouble of ours."""

from __future__ import annotations

import pytest
from portal_pages import Pages

NUMBERS = ["0", "9223372036854775808", "9" * 40, "9" * 5_000]
SHOWN = ["/production/{}/", "/inspections/{}/"]
PRESSED = [
    "/overrides/{}/approve/",
    "/overrides/{}/refuse/",
    "/quarantine/requests/{}/approve/",
    "/quarantine/requests/{}/refuse/",
    "/witnesses/requests/{}/approve/",
    "/witnesses/requests/{}/refuse/",
    "/production/{}/approve/",
    "/production/{}/refuse/",
    "/inspections/{}/close/",
    "/approvals/{}/approve/",
    "/approvals/{}/refuse/",
]


@pytest.mark.parametrize("number", NUMBERS, ids=len)
def test_it_is_not_found(pages: Pages, number: str) -> None:
    officer = pages.signed_in(pages.officers[0])
    for path in SHOWN:
        assert officer.get(path.format(number)).status_code == 404, path
    for path in PRESSED:
        answer = pages.send(officer, path.format(number))
        assert answer.status_code in (403, 404, 409), (path, answer.status_code)
