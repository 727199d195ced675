"""The way to the tax service as settings name it: over TLS, or on this machine."""

from __future__ import annotations

from pathlib import Path

import pytest

from tallystick.ops.settings import Settings, SettingsError
from tallystick.ops.tax_service import tax_service


def test_without_an_address_nothing_is_sent() -> None:
    assert tax_service(Settings()) is None


@pytest.mark.parametrize(
    "url", ["http://tax.example/", "ftp://127.0.0.1/", "https://", "https://tax.example:99999/", "x"]
)
def test_documents_of_a_nation_go_over_tls_alone(url: str) -> None:
    with pytest.raises(SettingsError, match="tax_service_url"):
        tax_service(Settings(tax_service_url=url))


@pytest.mark.parametrize("url", ["https://tax.example/documents", "http://127.0.0.1:9/", "http://[::1]:9/x?y=1"])
def test_an_address_is_taken(url: str) -> None:
    way = tax_service(Settings(tax_service_url=url, tax_service_seconds=7))
    assert way is not None
    assert way.longest.total_seconds() == 7
    assert (way.tls is not None) == url.startswith("https:")


def test_files_that_cannot_be_read_are_said(tmp_path: Path) -> None:
    lacks = str(tmp_path / "lacks.pem")
    url = "https://tax.example/"
    for wrong in (
        Settings(tax_service_url=url, tax_service_roots=lacks),
        Settings(tax_service_url=url, tax_service_certificate=lacks),
    ):
        with pytest.raises(SettingsError, match="tax_service_roots, tax_service_certificate"):
            tax_service(wrong)
