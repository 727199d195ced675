"""The state folder: where it lies for whom, and that wiping removes our own and nothing else."""

import os
from pathlib import Path

import pytest

from tallystick.ops.state_folder import NotOurFolder, StateFolder, default_state


def test_root_and_others_have_their_own_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert default_state({}) == Path("/var/lib/tallystick")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert default_state({"XDG_STATE_HOME": "/srv/x/state"}) == Path("/srv/x/state/tallystick")
    assert default_state({"XDG_STATE_HOME": "relative"}) == Path.home() / ".local/state/tallystick"


def test_wipe_removes_the_country_and_keeps_the_rest(tmp_path: Path) -> None:
    state = StateFolder.of(str(tmp_path / "state"))
    state.make()
    (state.keys / "log.pem").write_text("x")
    state.binaries.mkdir()
    (state.root / "settings.toml").write_text("")
    assert state.keys.stat().st_mode & 0o777 == 0o700
    assert state.wipe() is True
    assert not state.demo.exists()
    assert not state.binaries.exists()
    assert (state.root / "settings.toml").exists()
    assert state.wipe() is False


def test_a_folder_that_we_did_not_make_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "demo").mkdir()
    with pytest.raises(NotOurFolder):
        StateFolder(tmp_path).wipe()
    assert (tmp_path / "demo").exists()
