"""Where webhooks may lead, and the secret behind their secrets."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from tallystick.authority.channels.erp.webhooks import WebhookPolicy
from tallystick.ops.settings import Settings, SettingsError
from tallystick.ops.state_folder import StateFolder
from tallystick.ops.webhooks import webhook_secret, webhooks_of


@pytest.mark.parametrize(
    "url",
    [
        "http://erp.example/hook", "https://10.0.0.7/", "https://127.0.0.1/", "https://[::1]/", "https://localhost/",
        "https://user@erp.example/", "https://user:pw@erp.example/", "https://erp.example/#x", "ftp://erp.example/",
        "https://erp.example:99999/", "https://erp.example:0/", "https://erp/", "https:///x", "https://2130706433/",
        "https://0x7f000001/", "https://127.1/", "https://erp.example./", "https://erp.example/ x", "https://ärp.example/",
        "https://erp.example/\r\nx: y", "", "x" * 501,
    ],
)  # fmt: skip
def test_addresses_that_are_refused(url: str) -> None:
    with pytest.raises(Exception, match="TS-3295"):
        WebhookPolicy().check(url)


def test_addresses_that_are_taken_and_loopback_by_setting_alone() -> None:
    for url in ("https://erp.example/hook?x=1", "https://a-b.erp.example:8443/", "https://xn--rp-via.example/"):
        WebhookPolicy().check(url)
    WebhookPolicy(loopback=True).check("http://127.0.0.1:1/")
    with pytest.raises(Exception, match="TS-3295"):
        WebhookPolicy(loopback=True).check("http://10.0.0.1/")


def test_a_production_country_tells_this_machine_nothing(tmp_path: Path) -> None:
    state = StateFolder.of(str(tmp_path))
    with pytest.raises(SettingsError, match="webhook_loopback"):
        webhooks_of(Settings(webhook_loopback=True), state)
    assert not webhooks_of(Settings(), state).policy.loopback
    assert webhooks_of(Settings(webhook_loopback=True, timing="demo"), state).policy.loopback


def test_the_secret_behind_the_secrets_is_made_once(tmp_path: Path) -> None:
    found: list[bytes] = []
    threads = [threading.Thread(target=lambda: found.append(webhook_secret(tmp_path / "s"))) for _ in range(8)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert len(set(found)) == 1
    assert len(found[0]) == 32
    assert (tmp_path / "s").stat().st_mode & 0o777 == 0o600
    assert [file.name for file in tmp_path.iterdir()] == ["s"]
