"""``register.json``: what a register is, as a person or a provisioning system writes it; strict JSON."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
from msgspec import Meta

from tallystick.crypto.national_oids import DeviceClass
from tallystick.device.ecr.setup import OfflineLimits, RegisterSetup
from tallystick.kernel.faults import Fault
from tallystick.kernel.identifiers import parse_tin, parse_uid
from tallystick.kernel.invoice import Seller
from tallystick.wire.compact_jws import read_base64url
from tallystick.wire.strict_json import parse
from tallystick.wire.tax_rates import read_tax_rate_groups

FILE = "register.json"
_BYTES_MOST = 256 * 1024
_CLASSES = {"software": DeviceClass.SOFTWARE, "hardware": DeviceClass.HARDWARE}

Text = Annotated[str, Meta(min_length=1, max_length=200)]
Number = Annotated[str, Meta(pattern=r"^[1-9][0-9]{0,4}\Z")]


class _Strict(msgspec.Struct, forbid_unknown_fields=True, kw_only=True, gc=False):
    pass


class _Seller(_Strict, kw_only=True):
    tin: Text
    business_name: Text
    location_name: str = ""
    address: str = ""
    district: str = ""


class _Limits(_Strict):
    continuous_hours: Number = "72"
    rolling_hours: Number = "144"
    rolling_days: Number = "30"


class RegisterFile(_Strict, kw_only=True):
    """The members of the file."""

    uid: Text
    device_class: Literal["software", "hardware"] = msgspec.field(name="class")
    seller: _Seller
    maker: Text
    model: Text
    serial_number: Text
    memory_number: str = ""
    premises: str = ""
    build: Annotated[str, Meta(pattern=r"^[0-9a-f]{64}\Z")]
    audience: Text
    verification_page: Text
    authority: Text
    enrolment: str = ""
    renewal: str = ""
    currency: Annotated[str, Meta(pattern=r"^[A-Z]{3}\Z")]
    currency_places: Annotated[str, Meta(pattern=r"^[0-4]\Z")] = "2"
    time_zone: Text
    languages: Annotated[tuple[Text, ...], Meta(min_length=1, max_length=8)]
    genesis: str = ""
    shift_hours: Annotated[str, Meta(pattern=r"^([1-9]|1[0-9]|2[0-4])\Z")] = "24"
    offline: _Limits = msgspec.field(default_factory=_Limits)
    rates: list[dict[str, Any]]


def read_register_file(folder: Path) -> RegisterFile:
    """The file of a folder; raises ``TS-3262`` with what is wrong."""
    try:
        value = parse((folder / FILE).read_bytes(), taxcore=True, max_bytes=_BYTES_MOST)
        return msgspec.convert(value, RegisterFile)
    except OSError as error:
        raise Fault("TS-3262", detail=f"{FILE}: {error.strerror}") from error
    except (msgspec.ValidationError, Fault) as error:
        raise Fault("TS-3262", detail=f"{FILE}: {error}") from error


def setup_of(file: RegisterFile, certificate_hash: bytes, not_after: datetime) -> RegisterSetup:
    """The register that a file describes, with its certificate; raises ``TS-3262``."""
    try:
        return RegisterSetup(
            uid=parse_uid(file.uid),
            device_class=_CLASSES[file.device_class],
            seller=Seller(
                tin=parse_tin(file.seller.tin),
                business_name=file.seller.business_name,
                location_name=file.seller.location_name,
                address=file.seller.address,
                district=file.seller.district,
            ),
            maker=file.maker,
            model=file.model,
            serial_number=file.serial_number,
            memory_number=file.memory_number,
            premises=file.premises,
            build=file.build,
            audience=file.audience,
            verification_page=file.verification_page,
            currency=file.currency,
            currency_places=int(file.currency_places),
            zone=ZoneInfo(file.time_zone),
            languages=file.languages,
            rate_groups=read_tax_rate_groups(file.rates),  # type: ignore[arg-type]  # JSON as it was parsed
            genesis=read_base64url(file.genesis.encode()) if file.genesis else None,
            certificate_hash=certificate_hash,
            not_after=not_after,
            shift_hours_most=int(file.shift_hours),
            limits=OfflineLimits(
                continuous_hours=int(file.offline.continuous_hours),
                rolling_hours=int(file.offline.rolling_hours),
                rolling_days=int(file.offline.rolling_days),
            ),
        )
    except (Fault, ValueError, ZoneInfoNotFoundError) as error:
        raise Fault("TS-3262", detail=f"{FILE}: {error}") from error
