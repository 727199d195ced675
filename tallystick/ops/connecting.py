"""What it takes to connect a register, wired: agreements, builds and codes of other rooms, the country's table."""

from __future__ import annotations

from datetime import datetime

from tallystick.authority.reference.agreements import queries as agreements
from tallystick.authority.reference.builds import queries as builds
from tallystick.authority.reference.pki import enrolment
from tallystick.authority.reference.pki_registry import RegistryOfDevices
from tallystick.authority.reference.registry.ports import ConnectingServices
from tallystick.authority.room_queries import Connection
from tallystick.kernel.country_pack import CountryPack
from tallystick.ops.settings import Settings
from tallystick.ops.state_folder import StateFolder


def enrol_url(settings: Settings, state: StateFolder) -> str:
    """Where registers enrol: the address of the settings, or this host and the port at which EST is served here."""
    if settings.est_url:
        return settings.est_url
    try:
        port = int((state.run / "est.port").read_text(encoding="ascii"))
    except (OSError, ValueError):
        port = settings.est_port
    return f"https://{settings.host}:{port}/.well-known/est/"


def connecting_services(pack: CountryPack, enrol_url: str) -> ConnectingServices:
    """The services of a country; ``enrol_url`` is the address of EST as registers reach it."""
    registry = RegistryOfDevices()

    def code(conn: Connection, uid: str, key_hash: bytes, by: str, at: datetime) -> str:
        return enrolment.give_code(conn, registry, uid, key_hash, by, at)

    return ConnectingServices(
        agreements=agreements.in_force,
        builds=builds.build,
        codes=code,
        policy=pack.devices,
        enrol_url=enrol_url,
        certification=pack.certification,
    )
