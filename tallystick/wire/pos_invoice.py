"""The POS API's invoice in one place: reading requests, writing results, errors and the status (S2-028, S2-039)."""

from tallystick.wire.pos_request import parse_invoice_request
from tallystick.wire.pos_result import error_answer, invoice_request_json, invoice_result_json
from tallystick.wire.pos_status import SdcStatus, read_status, status_answer
from tallystick.wire.pos_values import encode_json

__all__ = [
    "SdcStatus",
    "encode_json",
    "error_answer",
    "invoice_request_json",
    "invoice_result_json",
    "parse_invoice_request",
    "read_status",
    "status_answer",
]
