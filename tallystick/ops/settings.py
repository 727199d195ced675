"""Every setting of the authority's processes, in one frozen value: defaults, then a TOML file, then the environment.

The environment name of a setting is `TALLYSTICK_` and its name in capitals. `TALLYSTICK_SETTINGS` names the file.
A name that nobody knows is refused: a mistyped setting must not pass for a default. What each setting means stands in
its description here and in docs/operations/settings.md, and a test compares the two.
"""

import os
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Meta

from tallystick.ops.settings_table import Settings

__all__ = ["FILE_VARIABLE", "HANDED_DOWN", "PREFIX", "Settings", "SettingsError", "load_settings", "setting_rows"]

PREFIX = "TALLYSTICK_"
FILE_VARIABLE = f"{PREFIX}SETTINGS"
# What the supervisor hands to the portal's process, which must not import this floor. Nobody sets these by hand.
_TOLD = ("COUNTRY", "DEMO", "DSN", "HOSTS", "SECRET_FILE", "SECURE")
HANDED_DOWN = frozenset(f"{PREFIX}PORTAL_{name}" for name in _TOLD)


class SettingsError(Exception):
    """A setting is unknown or wrong; the message names where it stands and what is wrong."""


def load_settings(environment: Mapping[str, str] | None = None) -> Settings:
    """Read the settings; `environment` is that of the process unless a test gives another.

    Raises `SettingsError` for a file that cannot be read, an unknown name or a value of the wrong kind.
    """
    environment = os.environ if environment is None else environment
    file = environment.get(FILE_VARIABLE, "")
    from_file = _read_file(Path(file)) if file else {}
    from_environment = {
        name.removeprefix(PREFIX).lower(): value
        for name, value in environment.items()
        if name.startswith(PREFIX) and name != FILE_VARIABLE and name not in HANDED_DOWN
    }
    _refuse_unknown(from_file, file)
    _refuse_unknown({PREFIX + name.upper(): name for name in from_environment}, "the environment", PREFIX)
    _convert(from_file, file)
    return _convert(from_file | from_environment, "the environment")


def setting_rows() -> Iterator[str]:
    """The table rows of docs/operations/settings.md, one a setting."""
    for field in msgspec.structs.fields(Settings):
        default = f"`{str(field.default).lower() if isinstance(field.default, bool) else field.default}`"
        shown = default if field.default != "" else "empty"
        yield f"| `{field.name}` | `{PREFIX}{field.name.upper()}` | {shown} | {_description(field.type)} |"


def _description(annotation: Any) -> str:
    metas = [meta for meta in annotation.__metadata__ if isinstance(meta, Meta) and meta.description]
    return str(metas[-1].description)


def _read_file(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(f"{path}: {error}") from error


def _refuse_unknown(given: Mapping[str, Any], where: str, prefix: str = "") -> None:
    known = {prefix + (name.upper() if prefix else name) for name in Settings.__struct_fields__}
    if unknown := sorted(set(given) - known):
        raise SettingsError(f"{where}: there is no setting {', '.join(unknown)}")


def _convert(values: Mapping[str, Any], where: str) -> Settings:
    try:
        return msgspec.convert(dict(values), Settings, strict=False)
    except msgspec.ValidationError as error:
        raise SettingsError(f"{where}: {error}") from error
