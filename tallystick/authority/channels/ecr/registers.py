"""A register that nobody entered presents itself (S1-018, S1-023): the one call for which no certificate is needed.

What it says waits for a person or a rule; who may be flooded with such requests is bounded by the registry.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated

import msgspec
from msgspec import Meta

from tallystick.authority.reference.registry import recognition
from tallystick.authority.reference.registry.ports import ConnectingServices
from tallystick.authority.reference.registry.presented import Answer, Presentation, PresentedState
from tallystick.authority.reference.registry.values import FormFactor
from tallystick.authority.room_queries import Connection
from tallystick.kernel.device_policy import DeviceClass
from tallystick.kernel.faults import Fault, FieldFault
from tallystick.kernel.limits import LIMITS
from tallystick.wire.compact_jws import read_base64url
from tallystick.wire.ecr_api import Presented
from tallystick.wire.strict_json import parse

BODY_BYTES_MAX = 8 * 1024
_CLASSES: Mapping[str, DeviceClass] = {one.word: one for one in DeviceClass if one is not DeviceClass.VSDC}
_FORMS = {str(one): one for one in FormFactor}
Text = Annotated[str, Meta(min_length=1, max_length=LIMITS.register_text_characters)]


class _Said(msgspec.Struct, forbid_unknown_fields=True, kw_only=True, gc=False):
    tin: Text
    device_class: str
    build: Text
    serial_number: Text
    maker: Text = ""
    model: Text = ""
    memory_number: Text = ""
    form_factor: str = FormFactor.OTHER.value
    key_hash: str = ""
    maker_certificate: str = ""


def read_presentation(body: bytes) -> Presentation:
    """What a register says of itself; raises ``TS-121x`` and ``TS-1220`` with the member that is wrong."""
    value = parse(body, max_bytes=BODY_BYTES_MAX)
    try:
        said = msgspec.convert(value, _Said)
    except msgspec.ValidationError as error:
        raise Fault("TS-1220", detail=str(error), fields=(FieldFault("/", "5"),)) from None
    device_class, form = _CLASSES.get(said.device_class), _FORMS.get(said.form_factor)
    if device_class is None:
        raise _fault("/device_class", f"one of {', '.join(_CLASSES)}")
    if form is None:
        raise _fault("/form_factor", f"one of {', '.join(_FORMS)}")
    return Presentation(
        tin=said.tin,
        device_class=device_class,
        build_id=said.build,
        serial_number=said.serial_number,
        maker=said.maker,
        model=said.model,
        memory_number=said.memory_number,
        form_factor=form,
        key_hash=_hash("/key_hash", said.key_hash),
        maker_certificate=_hash("/maker_certificate", said.maker_certificate),
    )


def present(
    conn: Connection, services: ConnectingServices, asked: Presentation, came_from: str, at: datetime
) -> tuple[Presented, bool]:
    """What the register is told, and whether it has to wait for a person; raises what `recognition.present` raises."""
    answer = recognition.present(conn, services, asked, came_from=came_from, at=at)
    return _told(answer), answer.state is PresentedState.PENDING


def _told(answer: Answer) -> Presented:
    return Presented(
        code=answer.code,
        enrol_url=answer.enrol_url,
        id=str(answer.pending_id) if answer.pending_id else "",
        reason=answer.reason,
        state=str(answer.state),
        uid=answer.uid,
    )


def _hash(pointer: str, text: str) -> bytes:
    try:
        return read_base64url(text.encode())
    except Fault:
        raise _fault(pointer, "a SHA-256 in base64url without padding") from None


def _fault(pointer: str, detail: str) -> Fault:
    return Fault("TS-1220", detail=detail, fields=(FieldFault(pointer, "5"),))
