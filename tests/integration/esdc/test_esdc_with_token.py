"""A whole E-SDC whose client key stays on a PKCS#11 token: initialised, sold, audited (S2-003)."""

from __future__ import annotations

from pathlib import Path

import attrs
import pytest
from cards import rsa_key
from esdc_bench import PIN, UID, body
from esdc_live import Scene, http, play, until
from soft_token import soft_token

from tallystick.crypto.certificates import der_of
from tallystick.device.secure_element import OnToken


def test_s2_003_an_esdc_lives_on_a_key_that_cannot_leave_its_token(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "esdc").mkdir()

    async def act(scene: Scene) -> None:
        authority = await scene.authority()
        slot = scene.slot()
        card = scene.folder / UID
        token = soft_token(tmp_path / "hsm", monkeypatch, rsa_key(1), der_of((card / "pki.pem").read_bytes()))
        for name in ("pki.pem", "pki-key.pem"):
            (card / name).unlink()
        running = await scene.host.add(attrs.evolve(slot, token_client=OnToken(token.identity())))
        device = running.esdc.device
        await until(lambda: device.session is not None and device.session.setup is not None, 60)
        assert (await http(running.port, "POST", "/api/v3/pin", PIN.encode())).json == "0100"
        sold = await http(running.port, "POST", "/api/v3/invoices", body(), {"RequestId": "1"})
        assert sold.status == 200
        await until(lambda: len(authority.packages) == 1, 30)
        assert authority.tokens_given >= 1

    play(tmp_path / "esdc", act)
