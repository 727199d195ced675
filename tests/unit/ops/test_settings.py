"""Settings: order of sources, refusal of what nobody knows, and the documentation's rows."""

from pathlib import Path

import pytest

from tallystick.ops.settings import Settings, SettingsError, load_settings, setting_rows


def test_defaults_then_file_then_environment(tmp_path: Path) -> None:
    file = tmp_path / "tallystick.toml"
    file.write_text('country = "RS"\nportal_port = 9000\nsingle_disk_accepted = true\n')
    settings = load_settings({"TALLYSTICK_SETTINGS": str(file), "TALLYSTICK_PORTAL_PORT": "9001", "HOME": "/nowhere"})
    assert (settings.country, settings.portal_port, settings.public_port) == ("RS", 9001, 8440)
    assert settings.single_disk_accepted is True
    assert load_settings({}) == Settings()


@pytest.mark.parametrize(
    ("environment", "message"),
    [
        ({"TALLYSTICK_PORTAL_PROT": "1"}, "the environment: there is no setting TALLYSTICK_PORTAL_PROT"),
        ({"TALLYSTICK_PORTAL_PORT": "seven"}, r"the environment: .*portal_port"),
        ({"TALLYSTICK_PORTAL_PORT": "70000"}, r"the environment: .*65535.*portal_port"),
        ({"TALLYSTICK_TIMING": "later"}, r"the environment: .*timing"),
        ({"TALLYSTICK_COUNTRY": "aqua"}, r"the environment: .*country"),
        ({"TALLYSTICK_SETTINGS": "/nowhere.toml"}, r"/nowhere.toml: .*No such file"),
    ],
)
def test_what_is_wrong_is_refused_with_its_place(environment: dict[str, str], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        load_settings(environment)


@pytest.mark.parametrize("text", ['land = "RS"', "country = 7", "country =", "\udcff"])
def test_a_wrong_file_is_refused_with_its_name(tmp_path: Path, text: str) -> None:
    file = tmp_path / "wrong.toml"
    file.write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(SettingsError, match=r"wrong\.toml: "):
        load_settings({"TALLYSTICK_SETTINGS": str(file)})


def test_every_setting_describes_itself() -> None:
    rows = list(setting_rows())
    assert len(rows) == len(Settings.__struct_fields__)
    assert "| `portal_port` | `TALLYSTICK_PORTAL_PORT` | `8450` | First port to try for the operator's pages. |" in rows
