"""What an E-SDC is told from outside: its identity as a make, its timing, and the bounds of its store."""

from __future__ import annotations

from datetime import timedelta

import attrs

from tallystick.device.esdc.accreditation import ANY_POS, Accreditation

_MINUTE = timedelta(minutes=1)
_SECOND = timedelta(seconds=1)


@attrs.frozen(slots=True, kw_only=True)
class Timing:
    """When the audit loop does what (S2-108, S2-109, S2-120). Two presets: `PRODUCTION_TIMING` and `DEMO_TIMING`."""

    start_interval_most: timedelta
    """From one Start Audit to the next while hardly anything of the card's limit is used."""
    start_interval: timedelta
    """The same shortly before the limit is near; in between the time shrinks with what is used."""
    near_limit_interval: timedelta
    """The same from 75 % of the limit on."""
    start_floor: timedelta
    """Two Starts are never closer than this."""
    proof_patience: timedelta
    """How long a started cycle waits for its proof before a newer Start may void it (S2-115)."""
    resubmit_interval: timedelta
    """From one sending of an audit request to the next while its proof has not come."""
    heartbeat: timedelta
    """Notify Online Status while nothing is awaited."""
    heartbeat_pending: timedelta
    """Notify Online Status while a proof of audit is awaited."""
    retry_first: timedelta
    """First pause when the authority is away; it doubles, with jitter."""
    retry_most: timedelta
    """Longest pause when the authority is away."""


PRODUCTION_TIMING = Timing(
    start_interval_most=120 * _MINUTE,
    start_interval=30 * _MINUTE,
    near_limit_interval=10 * _MINUTE,
    start_floor=10 * _MINUTE,
    proof_patience=25 * _MINUTE,
    resubmit_interval=10 * _MINUTE,
    heartbeat=5 * _MINUTE,
    heartbeat_pending=1 * _MINUTE,
    retry_first=2 * _SECOND,
    retry_most=5 * _MINUTE,
)

DEMO_TIMING = Timing(
    start_interval_most=20 * _SECOND,
    start_interval=20 * _SECOND,
    near_limit_interval=5 * _SECOND,
    start_floor=5 * _SECOND,
    proof_patience=15 * _SECOND,
    resubmit_interval=5 * _SECOND,
    heartbeat=5 * _SECOND,
    heartbeat_pending=1 * _SECOND,
    retry_first=_SECOND / 5,
    retry_most=5 * _SECOND,
)


@attrs.frozen(slots=True, kw_only=True)
class Storage:
    """Bounds of one card's store file, and what must stay free on its disk. Bytes."""

    store_bytes_max: int = 4 * 1024**3
    disk_reserve_bytes: int = 64 * 1024**2
    almost_full_per_cent: int = 90
    full_per_cent: int = 95
    answers_kept: int = 1_000
    """How many answers stay readable by their request id; older ids count as new."""


@attrs.frozen(slots=True, kw_only=True)
class TimeSync:
    """How the clock is kept in step with a time server (S2-018), and when a person is told that it is not."""

    interval: timedelta = timedelta(hours=24)
    """From one success to the next; half of what is demanded, so that one failure does no harm."""
    overdue: timedelta = timedelta(hours=48)
    retry_first: timedelta = timedelta(minutes=1)
    retry_most: timedelta = timedelta(hours=1)
    kiss_pause: timedelta = timedelta(hours=24)
    """After a server said that it wants no questions."""
    samples: int = 4
    sample_pause_seconds: float = 0.25
    timeout_seconds: float = 3.0
    look_seconds: float = 2.0
    """How often the loop looks for a step of the machine's clock and for a time that a command has set."""


@attrs.frozen(slots=True, kw_only=True)
class LogBounds:
    """Bounds of the device's log: days, and bytes on disk. It lies within `Storage.disk_reserve_bytes`."""

    days: int = 30
    bytes_max: int = 8 * 1024**2
    segment_bytes: int = 128 * 1024
    disk_free_bytes_min: int = 16 * 1024**2
    """With less on the disk the oldest lines go, then new ones are left out: packages come first."""


@attrs.frozen(slots=True, kw_only=True)
class EsdcSettings:
    """Identity and habits of one device. `time_zone` (IANA) is used where the authority's zone name is unknown."""

    make: str = "Tallystick"
    model: str = "E-SDC"
    serial_number: str = "00000001"
    mrc: str = "00-0001-00000001"
    hardware_version: str = "1.0"
    software_version: str = "1.0"
    time_zone: str = "UTC"
    currency: str | None = None
    """Sign of the country's currency in journals, from the country pack."""
    keep_until_proof: bool = False
    """Retention (K-07): false deletes a package after status 4, true only after a valid proof of audit."""
    reference_time_required: bool = False
    """Whether copies and refunds must carry the time of what they refer to (C-17, from the country pack)."""
    accreditation: Accreditation = ANY_POS
    """Which POS may sell (S2-146)."""
    older_dialect: bool = False
    """Whether requests wrapped in `invoiceRequest`, and paths without a version, are taken (wire: 2.1)."""
    web_origins: tuple[str, ...] = ()
    """Origins of web POS whose pages may use the POS API from a browser."""
    host_names: tuple[str, ...] = ()
    """Names under which POS reach this device, beside addresses and `localhost`."""
    near_limit_per_cent: int = 75
    clock_back_tolerance: timedelta = timedelta(minutes=3)
    wrong_pins_in_a_row: int = 2
    packages_in_a_row: int = 16
    """How many packages are read from the store and settled in it together."""
    call_timeout_seconds: float = 30
    timing: Timing = PRODUCTION_TIMING
    storage: Storage = Storage()
    time_sync: TimeSync | None = TimeSync()
    """None where something else keeps the machine's clock, and the device should not ask."""
    log: LogBounds = LogBounds()
    check_interval: timedelta = timedelta(days=7)
    """From one reading of a whole store for damage to the next."""
