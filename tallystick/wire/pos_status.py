"""What an SDC says about itself to a POS: GET status (wire: 2.5)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import attrs

from tallystick.kernel.faults import Fault, FieldFault
from tallystick.kernel.tax_rates import TaxRateGroup
from tallystick.wire import strict_json
from tallystick.wire.pos_values import KeyNames, encode_json, read_time, write_time
from tallystick.wire.strict_json import JsonObject
from tallystick.wire.tax_rates import read_tax_rate_groups, tax_rate_group_json, tax_rate_groups_json

_PROTOCOL_VERSION = "1.0.0.0"
_E_SDC_TEXTS = (
    ("lastInvoiceNumber", "last_invoice_number"),
    ("protocolVersion", "protocol_version"),
    ("secureElementVersion", "secure_element_version"),
    ("hardwareVersion", "hardware_version"),
    ("softwareVersion", "software_version"),
    ("deviceSerialNumber", "device_serial_number"),
    ("make", "make"),
    ("model", "model"),
)
_KEYS = KeyNames(
    "isPinRequired",
    "auditRequired",
    "sdcDateTime",
    *(key for key, _ in _E_SDC_TEXTS),
    "mssc",
    "gsc",
    "supportedLanguages",
    "uid",
    "taxCoreApi",
    "currentTaxRates",
    "allTaxRates",
)


@attrs.frozen(slots=True, kw_only=True)
class SdcStatus:
    """The state of an SDC. ``status_codes`` are what holds now, never all codes that the device knows."""

    is_pin_required: bool
    audit_required: bool
    sdc_time: datetime
    last_invoice_number: str = ""
    protocol_version: str = _PROTOCOL_VERSION
    secure_element_version: str = ""
    hardware_version: str = ""
    software_version: str = ""
    device_serial_number: str = ""
    make: str = ""
    model: str = ""
    maker_codes: tuple[str, ...] = ()
    status_codes: tuple[str, ...] = ()
    supported_languages: tuple[str, ...] = ()
    uid: str = ""
    tax_core_api: str = ""
    current_tax_rates: TaxRateGroup | None = None
    all_tax_rates: tuple[TaxRateGroup, ...] = ()


def status_answer(status: SdcStatus, *, offset_minutes: int | None) -> bytes:
    """The body of GET status; the time at an offset, with None in UTC."""
    current = status.current_tax_rates
    members: dict[str, Any] = {
        "isPinRequired": status.is_pin_required,
        "auditRequired": status.audit_required,
        "sdcDateTime": write_time(status.sdc_time, offset_minutes),
    }
    members |= {key: getattr(status, name) for key, name in _E_SDC_TEXTS}
    members |= {
        "mssc": _texts(status.maker_codes),
        "gsc": _texts(status.status_codes),
        "supportedLanguages": _texts(status.supported_languages),
        "uid": status.uid,
        "taxCoreApi": status.tax_core_api,
        "currentTaxRates": None if current is None else tax_rate_group_json(current),
        "allTaxRates": tax_rate_groups_json(status.all_tax_rates),
    }
    return encode_json(members)


def hosted_status_answer(
    *,
    sdc_time: datetime,
    offset_minutes: int,
    status_codes: Sequence[str],
    supported_languages: Sequence[str],
    uid: str,
    tax_core_api: str,
    current_tax_rates: TaxRateGroup | None,
    all_tax_rates: Sequence[TaxRateGroup],
) -> bytes:
    """The body of GET status of a V-SDC: without the members that only a device at the premises has (wire: 2.5)."""
    return encode_json(
        {
            "sdcDateTime": write_time(sdc_time, offset_minutes),
            "gsc": _texts(status_codes),
            "supportedLanguages": _texts(supported_languages),
            "uid": uid,
            "taxCoreApi": tax_core_api,
            "currentTaxRates": None if current_tax_rates is None else tax_rate_group_json(current_tax_rates),
            "allTaxRates": tax_rate_groups_json(all_tax_rates),
        }
    )


def read_status(body: bytes) -> SdcStatus:
    """Read a status as a POS does: absent members are empty. JSON faults, or `TS-1220` for a member of another kind."""
    value = strict_json.parse(body, taxcore=True)
    if not isinstance(value, dict):
        raise _fault("/")
    members, _ = _KEYS.of(value)
    moment = read_time(_text(members, "sdcDateTime"), UTC)
    if moment is None:
        raise _fault("/sdcDateTime")
    current = members.get("currentTaxRates") or []
    current_groups = read_tax_rate_groups(current)
    return SdcStatus(
        is_pin_required=members.get("isPinRequired") is True,
        audit_required=members.get("auditRequired") is True,
        sdc_time=moment,
        **{name: _text(members, key) for key, name in _E_SDC_TEXTS},
        maker_codes=_read_texts(members, "mssc"),
        status_codes=_read_texts(members, "gsc"),
        supported_languages=_read_texts(members, "supportedLanguages"),
        uid=_text(members, "uid"),
        tax_core_api=_text(members, "taxCoreApi"),
        current_tax_rates=current_groups[0] if current_groups else None,
        all_tax_rates=read_tax_rate_groups(members.get("allTaxRates") or []),
    )


def _texts(values: Sequence[str]) -> list[str]:
    return [str(value) for value in values]


def _text(members: JsonObject, key: str) -> str:
    value = members.get(key)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise _fault(f"/{key}")
    return value


def _read_texts(members: JsonObject, key: str) -> tuple[str, ...]:
    values = members.get(key)
    if values is None:
        return ()
    if not isinstance(values, list):
        raise _fault(f"/{key}")
    return tuple(str(value) for value in values if isinstance(value, str))


def _fault(pointer: str) -> Fault:
    return Fault("TS-1220", detail="not a status", fields=(FieldFault(pointer, "5"),))
