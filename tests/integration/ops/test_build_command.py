"""A maker's afternoon at the command line: key, manifest, a changed file; the authority's side with two officers."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest

from tallystick.authority.reference.registry.operations import create_user
from tallystick.ops.approved_deeds import do_approved
from tallystick.ops.build_files import compare, measure, own_build
from tallystick.ops.settings import SettingsError
from tallystick.wire.build_manifest import read_manifest

REASON = "tested by the laboratory, report 17"


@pytest.mark.soak
def test_from_the_makers_key_to_a_revoked_build(database: str, tmp_path: Path) -> None:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TALLYSTICK_")}
    told = {"TALLYSTICK_DATABASE_URL": database, "TALLYSTICK_STATE": str(tmp_path / "state")}

    def build(*arguments: str) -> subprocess.CompletedProcess[str]:
        argv = [sys.executable, "-m", "tallystick", "build", *arguments]
        return subprocess.run(argv, env=kept | told, capture_output=True, text=True, timeout=60, check=False)

    with psycopg.connect(database) as conn:
        for name in ("vera", "omar"):
            create_user(conn, name, "!", name.title(), "officer")
    files = tmp_path / "till"
    (files / "lib").mkdir(parents=True)
    (files / "till.py").write_text("print('sold')")
    (files / "lib" / "tax.py").write_text("RATE = 19")
    key, manifest = tmp_path / "key.pem", tmp_path / "build.jws"
    assert build("key", str(key)).returncode == 0
    assert key.stat().st_mode & 0o777 == 0o600
    assert build("key", str(key)).returncode == 1, "an older key is not written over"
    facts = ("--maker", "acme", "--product", "Till", "--version", "4.2", "--class", "software-register")
    made = build("manifest", str(files), *facts, "--key", str(key), "--out", str(manifest))
    assert "2 files" in made.stdout
    assert build("compare", str(manifest), str(files)).returncode == 0
    (files / "lib" / "tax.py").write_text("RATE = 0")
    (files / "zapper.py").write_text("sales.pop()")
    changed = build("compare", str(manifest), str(files))
    assert changed.returncode == 1
    assert changed.stdout.split() == ["changed", "lib/tax.py", "not", "signed", "zapper.py"]
    assert build("submit", str(manifest)).stderr.startswith("tallystick: TS-1311: ")
    public = str(key.with_suffix(".pub.pem"))
    assert build("register-maker", "acme", "--name", "Acme", "--key", public, "--officer", "vera").returncode == 0
    build_id = build("submit", str(manifest)).stdout.split()[1]
    assert build("certify", build_id[:8], "--officer", "vera", "--reason", REASON).stdout == "certified\n"
    assert "certified" in build("list").stdout
    assert build("certify", "ff", "--officer", "vera", "--reason", REASON).stderr.startswith("tallystick: TS-4003")
    assert build("suspend", build_id, "--officer", "eve", "--reason", REASON).stderr.startswith("tallystick: TS-4003")
    asked = build("revoke", build_id, "--officer", "vera", "--reason", "it drops sales")
    number = asked.stdout.split()[1]
    argv = [sys.executable, "-m", "tallystick", "approvals", "approve", number, "--officer", "omar"]
    same_shell = subprocess.run(argv, env=kept | told, capture_output=True, text=True, timeout=60, check=False)
    assert same_shell.stderr.startswith("tallystick: TS-4005"), "two names at one shell are one person"
    with psycopg.connect(database) as conn:
        assert do_approved(conn, datetime.now(UTC)) == 0


def test_a_changed_program_does_not_start_with_its_makers_manifest(tmp_path: Path) -> None:
    from maker import MakerOfTills

    from tallystick.crypto.signatures import sign_es256
    from tallystick.kernel.builds import BuildClass
    from tallystick.wire.build_manifest import Manifest, write_manifest

    acme, files, file = MakerOfTills(), tmp_path / "program", tmp_path / "build.jws"
    (files / "__pycache__").mkdir(parents=True)
    (files / "a.py").write_text("1")
    (files / "__pycache__" / "a.pyc").write_bytes(b"cache")
    made = Manifest(maker="acme", product="P", version="1", build_class=BuildClass.ESDC, files=measure(files))
    assert set(made.files) == {"a.py"}
    file.write_bytes(write_manifest(made, acme.key.public.spki, lambda text: sign_es256(acme.key, text)))
    signed = own_build(str(file), files)
    assert signed is not None
    assert signed.build_id == read_manifest(file.read_bytes()).build_id
    assert own_build("") is None
    (files / "a.py").write_text("2")
    with pytest.raises(SettingsError, match=r"1 files .* a\.py first"):
        own_build(str(file), files)
    (files / "a.py").unlink()
    assert compare(signed.manifest, files).missing == ("a.py",)
    with pytest.raises(SettingsError, match="build_manifest"):
        own_build(str(tmp_path / "nowhere"), files)
