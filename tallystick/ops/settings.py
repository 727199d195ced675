"""Every setting of the authority's processes, in one frozen value: defaults, then a TOML file, then the environment.

The environment name of a setting is `TALLYSTICK_` and its name in capitals. `TALLYSTICK_SETTINGS` names the file.
A name that nobody knows is refused: a mistyped setting must not pass for a default. What each setting means stands in
its description here and in docs/operations/settings.md, and a test compares the two.
"""

import os
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

PREFIX = "TALLYSTICK_"
FILE_VARIABLE = f"{PREFIX}SETTINGS"
# What the supervisor hands to the portal's process, which must not import this floor. Nobody sets these by hand.
_TOLD = ("COUNTRY", "DEMO", "DSN", "HOSTS", "SECRET_FILE", "SECURE")
HANDED_DOWN = frozenset(f"{PREFIX}PORTAL_{name}" for name in _TOLD)

Port = Annotated[int, Meta(ge=0, le=65535)]


class SettingsError(Exception):
    """A setting is unknown or wrong; the message names where it stands and what is wrong."""


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The settings. A port of 0 asks for any free one; a taken port gives way to the next free one, and is printed."""

    state: Annotated[
        str,
        Meta(
            description="Folder of everything that is kept. Empty: /var/lib/tallystick for root, "
            "else tallystick in the XDG state folder."
        ),
    ] = ""
    database_url: Annotated[
        str,
        Meta(
            description="Connection string of a PostgreSQL server that exists, as the owner role. "
            "Empty: the embedded server."
        ),
    ] = ""
    country: Annotated[str, Meta(description="Code of the country pack to run.", pattern=r"^[A-Z]{2}$")] = "AQ"
    timing: Annotated[
        Literal["production", "demo"],
        Meta(description="Pace of audits and proofs: that of a country, or one that a person can watch."),
    ] = "production"
    host: Annotated[str, Meta(description="Address on which devices and the portal are served.")] = "127.0.0.1"
    public_host: Annotated[
        str, Meta(description="Address of the public listener, where buyers verify their receipts.")
    ] = "127.0.0.1"
    operator: Annotated[
        str, Meta(description="Host name of the operator, in problem addresses and in the name of the log.")
    ] = "fdo.example"
    device_api_url: Annotated[
        str, Meta(description="Address of the device API as cards and the environment document carry it.")
    ] = "https://127.0.0.1:8443/"
    public_url: Annotated[str, Meta(description="Address of the public pages as verification codes carry it.")] = (
        "http://127.0.0.1:8440/"
    )
    portal_url: Annotated[str, Meta(description="Address of the portals as the environment document carries it.")] = (
        "http://127.0.0.1:8450/"
    )
    ntp_server: Annotated[
        str, Meta(description="Time server that devices are told to use. Empty: the host of the public pages.")
    ] = ""
    device_api_port: Annotated[Port, Meta(description="First port to try for the device API (TLS).")] = 8443
    public_port: Annotated[Port, Meta(description="First port to try for verification, checkpoint and proofs.")] = 8440
    portal_port: Annotated[Port, Meta(description="First port to try for the operator's pages.")] = 8450
    pos_port: Annotated[Port, Meta(description="First port to try for the POS API of an E-SDC.")] = 8888
    health_port: Annotated[
        Port, Meta(description="First port to try for health, readiness and metrics; always on loopback.")
    ] = 9440
    unwrap_processes: Annotated[
        int,
        Meta(
            ge=1,
            le=64,
            description="How many processes open sealed packages, each with a core to itself; 1,000 packages a second "
            "each, or more. Start `tallystick authority unwrap --number N` for each.",
        ),
    ] = 1
    media: Annotated[
        str,
        Meta(
            description="Folders that are removable media for `tallystick esdc run` while they are there, separated by "
            "a colon; a pattern such as `/media/*` means each folder that appears there. Empty: none is looked for."
        ),
    ] = ""
    log_level: Annotated[
        Literal["card", "debug", "info", "warning", "error"],
        Meta(description="Least level that is logged; `card` adds the traffic with the secure element, without PINs."),
    ] = "info"
    log_format: Annotated[Literal["json", "text"], Meta(description="One JSON object a line, or text for people.")] = (
        "json"
    )
    mirror: Annotated[
        str,
        Meta(description="Folder of the ledger's mirror file, on another disk. Empty: in the state folder."),
    ] = ""
    single_disk_accepted: Annotated[
        bool, Meta(description="Serve although the mirror lies on the disk of the database.")
    ] = False
    failure_budget: Annotated[
        bool,
        Meta(
            description="Stop a device for a while whose packages could not be accepted 20 times in an hour, or a "
            "taxpayer 60 times in a day. Off only in a sandbox, where makers of devices learn by failing."
        ),
    ] = True

    @property
    def log_origin(self) -> str:
        """The name under which the ledger signs its checkpoints: operator, country, environment."""
        return f"{self.operator}/{self.country.lower()}/{self.timing}"


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
