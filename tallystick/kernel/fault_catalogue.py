"""Every fault code with what its receiver must know: title, HTTP status, whether to repeat, and who can mend it.

Codes are never reused and never move. Each has a page in ``docs/errors``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import StrEnum
from types import MappingProxyType

import attrs


class Retry(StrEnum):
    """What the sender should do with the same matter."""

    NEVER = "never"
    SAME_BYTES = "same-bytes"
    RESIGN = "resign"
    AFTER = "after"


class FixBy(StrEnum):
    """Who can remove the cause."""

    DEVICE = "device"
    MERCHANT = "merchant"
    SERVICE_CENTRE = "service-centre"
    MAKER = "maker"
    OPERATOR = "operator"
    AUTHORITY = "authority"
    USER = "user"


@attrs.frozen(slots=True)
class FaultKind:
    """One row of the catalogue.

    ``audit_status`` is the number in the answer of Submit Audit Package, ``None`` where that channel never answers with
    this code; ``other_audit_statuses`` are the numbers that a raiser may put in its place.
    """

    code: str
    title: str
    http_status: int
    retry: Retry
    fix_by: FixBy
    audit_status: int | None = None
    other_audit_statuses: tuple[int, ...] = ()


Row = tuple[str, int, Retry, FixBy, int | None] | tuple[str, int, Retry, FixBy, int | None, tuple[int, ...]]

_TRANSPORT: dict[str, Row] = {
    "TS-1001": ("Method or path unknown", 404, Retry.NEVER, FixBy.MAKER, None),
    "TS-1002": ("Content type or coding not accepted", 415, Retry.NEVER, FixBy.MAKER, None),
    "TS-1003": ("Body too large", 413, Retry.NEVER, FixBy.MAKER, None),
    "TS-1004": ("Length missing or framing contradictory", 400, Retry.NEVER, FixBy.MAKER, None),
    "TS-1005": ("Body came too slowly", 408, Retry.SAME_BYTES, FixBy.DEVICE, None),
    "TS-1006": ("Budget of device or address used up", 429, Retry.AFTER, FixBy.DEVICE, None),
    "TS-1007": ("Language or interface version unknown", 406, Retry.NEVER, FixBy.MAKER, None),
    "TS-1101": ("Client certificate missing", 401, Retry.NEVER, FixBy.DEVICE, None),
    "TS-1102": ("Certificate chain does not lead to our root", 401, Retry.NEVER, FixBy.SERVICE_CENTRE, None),
    "TS-1103": ("Certificate expired or not yet valid", 401, Retry.NEVER, FixBy.SERVICE_CENTRE, None, (4,)),
    "TS-1104": ("Certificate revoked", 403, Retry.NEVER, FixBy.AUTHORITY, 6),
    "TS-1105": ("Token unknown or expired", 401, Retry.RESIGN, FixBy.DEVICE, None),
    "TS-1106": ("Token of another certificate", 401, Retry.NEVER, FixBy.MAKER, None),
    "TS-1107": ("Forwarded certificate from an untrusted hop", 400, Retry.NEVER, FixBy.OPERATOR, None),
    "TS-1108": ("Certificate of another environment", 403, Retry.NEVER, FixBy.SERVICE_CENTRE, 8),
    "TS-1109": ("Revocation data too old", 503, Retry.AFTER, FixBy.OPERATOR, 1),
    "TS-1120": ("PAC missing or wrong", 401, Retry.NEVER, FixBy.MERCHANT, None),
    "TS-1121": ("Too many wrong PACs", 429, Retry.AFTER, FixBy.MERCHANT, None),
}

_READING: dict[str, Row] = {
    "TS-1201": ("Form or header of the signed document wrong", 400, Retry.NEVER, FixBy.MAKER, None),
    "TS-1202": ("Package cannot be opened", 422, Retry.NEVER, FixBy.MAKER, 0),
    "TS-1203": ("Inflated content too large", 413, Retry.NEVER, FixBy.MAKER, None),
    "TS-1204": ("File name does not match content", 422, Retry.NEVER, FixBy.DEVICE, 0),
    "TS-1210": ("Text is not clean UTF-8 JSON", 400, Retry.NEVER, FixBy.MAKER, 0),
    "TS-1211": ("JSON nested too deeply", 400, Retry.NEVER, FixBy.MAKER, 0),
    "TS-1212": ("JSON member given twice", 400, Retry.NEVER, FixBy.MAKER, 0),
    "TS-1213": ("JSON number not acceptable", 400, Retry.NEVER, FixBy.MAKER, 0),
    "TS-1214": ("JSON object, array or string too large", 400, Retry.NEVER, FixBy.MAKER, 0),
    "TS-1215": ("JSON member unknown", 400, Retry.NEVER, FixBy.MAKER, 0),
    "TS-1216": ("JSON text holds control characters", 400, Retry.NEVER, FixBy.MAKER, 0),
    "TS-1220": ("Field missing or not as the schema says", 422, Retry.NEVER, FixBy.MAKER, 0, (24, 71, 78)),
    "TS-1230": ("XML not acceptable", 400, Retry.NEVER, FixBy.MAKER, None),
    "TS-1231": ("Business rule of the e-invoice broken", 422, Retry.NEVER, FixBy.MAKER, None),
}

_SIGNATURE: dict[str, Row] = {
    "TS-1301": ("Outside the time window", 422, Retry.RESIGN, FixBy.DEVICE, None),
    "TS-1302": ("Nonce seen before", 409, Retry.RESIGN, FixBy.DEVICE, None),
    "TS-1303": ("Older than the last restart", 409, Retry.RESIGN, FixBy.DEVICE, None),
    "TS-1310": ("Algorithm not allowed for this purpose now", 422, Retry.NEVER, FixBy.MAKER, 2),
    "TS-1311": ("Signer unknown", 403, Retry.NEVER, FixBy.SERVICE_CENTRE, 8),
    "TS-1312": ("Signature wrong", 422, Retry.NEVER, FixBy.MAKER, 2),
    "TS-1313": ("Signer, device and taxpayer do not belong together", 403, Retry.NEVER, FixBy.SERVICE_CENTRE, 72),
    "TS-1314": ("Verification URL differs from the document", 422, Retry.NEVER, FixBy.MAKER, 4),
    "TS-1315": ("Fields of the message signature missing", 400, Retry.NEVER, FixBy.MAKER, None),
    "TS-1316": ("Internal data wrong", 422, Retry.NEVER, FixBy.MAKER, 3),
    "TS-1317": ("Journal missing from the package", 422, Retry.NEVER, FixBy.MAKER, 4),
}

_ORDER: dict[str, Row] = {
    "TS-1402": ("Gap in the sequence or wrong previous link", 409, Retry.RESIGN, FixBy.DEVICE, 4),
    "TS-1403": ("Two documents under one number", 409, Retry.NEVER, FixBy.AUTHORITY, 4),
    "TS-1404": ("The sequence went back", 409, Retry.NEVER, FixBy.SERVICE_CENTRE, 4),
    "TS-1405": ("Counters of the secure element contradict each other", 200, Retry.NEVER, FixBy.AUTHORITY, 4),
    "TS-1406": ("Documents missing for proof of audit", 200, Retry.AFTER, FixBy.DEVICE, 4),
    "TS-1407": (
        "Internal data counts a category that the rate group does not have",
        200,
        Retry.NEVER,
        FixBy.AUTHORITY,
        70,
    ),
    "TS-1408": ("Place cannot be settled so", 409, Retry.NEVER, FixBy.AUTHORITY, None),
    "TS-1409": ("Shift cannot be recomputed, since a place in it is lost", 200, Retry.NEVER, FixBy.AUTHORITY, None),
    "TS-1410": ("Place was settled as lost", 409, Retry.NEVER, FixBy.AUTHORITY, None),
}

_CONTENT: dict[str, Row] = {
    "TS-2001": ("Tax label not in the rate group", 422, Retry.NEVER, FixBy.MERCHANT, 69),
    "TS-2002": ("Tax differs from the calculation", 422, Retry.NEVER, FixBy.MAKER, 4),
    "TS-2003": ("Totals do not add up", 422, Retry.NEVER, FixBy.MAKER, 4),
    "TS-2004": ("Rate group unknown or not valid then", 422, Retry.NEVER, FixBy.MAKER, 5),
    "TS-2005": ("Amount or quantity out of range", 422, Retry.NEVER, FixBy.MERCHANT, 4),
    "TS-2006": ("Currency or kind of payment not accepted", 422, Retry.NEVER, FixBy.MERCHANT, 4),
    "TS-2007": ("Buyer identification malformed", 422, Retry.NEVER, FixBy.MERCHANT, 4),
    "TS-2008": ("Time of the device out of tolerance", 422, Retry.NEVER, FixBy.MAKER, 73, (67, 75)),
    "TS-2009": ("Time of the reference out of tolerance", 422, Retry.NEVER, FixBy.MERCHANT, 74, (68, 76)),
    "TS-2010": ("Tax rates malformed", 422, Retry.NEVER, FixBy.AUTHORITY, None),
    "TS-2011": ("Tax rates contradict what is published", 409, Retry.NEVER, FixBy.AUTHORITY, None),
    "TS-2101": ("Reference to the original missing", 422, Retry.NEVER, FixBy.MERCHANT, 4),
    "TS-2102": ("Original not found", 422, Retry.NEVER, FixBy.MERCHANT, 4),
    "TS-2103": ("Original belongs to another device, premises or taxpayer", 422, Retry.NEVER, FixBy.MERCHANT, 4),
    "TS-2104": ("Refund exceeds what is left of the original", 422, Retry.NEVER, FixBy.MERCHANT, 4),
    "TS-2105": ("Document may not be corrected", 422, Retry.NEVER, FixBy.MERCHANT, 4),
    "TS-2201": ("Marking code unknown or withdrawn", 422, Retry.NEVER, FixBy.MERCHANT, 4),
    "TS-2202": ("Marking code already sold", 409, Retry.NEVER, FixBy.MERCHANT, 4),
    "TS-2203": ("Track and trace silent, checked later", 200, Retry.NEVER, FixBy.OPERATOR, 4),
}

_DEVICE_STATE: dict[str, Row] = {
    "TS-2401": ("Device unknown, not registered or closed", 403, Retry.NEVER, FixBy.SERVICE_CENTRE, 8),
    "TS-2402": ("No agreement for this device", 403, Retry.NEVER, FixBy.MERCHANT, 4),
    "TS-2403": ("Signer of the batch revoked", 403, Retry.NEVER, FixBy.AUTHORITY, 6),
    "TS-2404": ("Offline limit exceeded", 202, Retry.NEVER, FixBy.AUTHORITY, 4),
    "TS-2405": ("Device class may not use this channel", 403, Retry.NEVER, FixBy.MAKER, None),
    "TS-2406": ("Build not certified or withdrawn", 403, Retry.NEVER, FixBy.MAKER, 4),
    "TS-2407": ("Device on hold", 403, Retry.NEVER, FixBy.AUTHORITY, 4),
    "TS-2408": ("Rule of the shift broken", 422, Retry.NEVER, FixBy.MERCHANT, None),
    "TS-2409": ("Batch without closing report, or totals differ", 422, Retry.SAME_BYTES, FixBy.DEVICE, None),
    "TS-2410": ("Part of the batch missing, or its root differs", 409, Retry.AFTER, FixBy.DEVICE, None),
}

_PRODUCTION: dict[str, Row] = {
    "TS-3001": ("Enrolment code used or expired", 403, Retry.NEVER, FixBy.SERVICE_CENTRE, None),
    "TS-3002": ("Certificate request malformed", 400, Retry.NEVER, FixBy.SERVICE_CENTRE, None),
    "TS-3003": ("Key too weak", 422, Retry.NEVER, FixBy.SERVICE_CENTRE, None),
    "TS-3004": ("Key known already", 409, Retry.NEVER, FixBy.SERVICE_CENTRE, None),
    "TS-3005": ("Certificate profile not allowed", 403, Retry.NEVER, FixBy.SERVICE_CENTRE, None),
    "TS-3006": ("Certificate refused by the linter", 422, Retry.NEVER, FixBy.SERVICE_CENTRE, None),
    "TS-3007": ("Serial number void", 409, Retry.NEVER, FixBy.SERVICE_CENTRE, None),
    "TS-3008": ("Renewal asked too early", 409, Retry.NEVER, FixBy.SERVICE_CENTRE, None),
    "TS-3009": ("Counts of the production batch differ", 409, Retry.NEVER, FixBy.SERVICE_CENTRE, None),
    "TS-3010": ("Test signature of the card failed", 422, Retry.NEVER, FixBy.SERVICE_CENTRE, None),
    "TS-3011": ("Share of the PIN wrong", 403, Retry.NEVER, FixBy.SERVICE_CENTRE, None),
    "TS-3012": ("Ceremony out of order", 409, Retry.NEVER, FixBy.SERVICE_CENTRE, None),
    "TS-3020": ("Enrolment without code or certificate", 401, Retry.NEVER, FixBy.SERVICE_CENTRE, None),
    "TS-3021": ("Renewal with a key that was certified before", 409, Retry.NEVER, FixBy.MAKER, None),
    "TS-3022": ("Certificate unknown", 404, Retry.NEVER, FixBy.USER, None),
    "TS-3023": ("Revocation not possible", 409, Retry.NEVER, FixBy.AUTHORITY, None),
    "TS-3024": ("Certificate authority issues no more", 503, Retry.AFTER, FixBy.AUTHORITY, None),
    "TS-3027": ("Revocation list out of order", 409, Retry.NEVER, FixBy.OPERATOR, None),
    "TS-3030": ("Key series changed meanwhile", 409, Retry.NEVER, FixBy.OPERATOR, None),
    "TS-3031": ("No such key of the authority", 404, Retry.NEVER, FixBy.OPERATOR, None),
    "TS-3032": ("Clear key of an older country", 409, Retry.NEVER, FixBy.OPERATOR, None),
    "TS-3033": ("Overlap of the last rotation not over", 409, Retry.NEVER, FixBy.OPERATOR, None),
    "TS-3034": ("Signature that nothing explains", 409, Retry.NEVER, FixBy.AUTHORITY, None),
    "TS-3035": ("Custodians missing", 403, Retry.NEVER, FixBy.SERVICE_CENTRE, None),
    "TS-3036": ("Record of the ceremony changed", 422, Retry.NEVER, FixBy.SERVICE_CENTRE, None),
    "TS-3037": ("Key store not empty", 409, Retry.NEVER, FixBy.SERVICE_CENTRE, None),
    "TS-3038": ("Observer does not tick the step", 409, Retry.NEVER, FixBy.SERVICE_CENTRE, None),
    "TS-3040": (
        "Nothing shows that the document is older than its hindrance",
        409,
        Retry.AFTER,
        FixBy.AUTHORITY,
        None,
    ),
    "TS-3041": ("Document kept apart still cannot be booked", 409, Retry.AFTER, FixBy.AUTHORITY, None),
    "TS-3043": ("Log unknown to this witness", 404, Retry.NEVER, FixBy.OPERATOR, None),
    "TS-3044": ("Checkpoint without a good signature of its log", 403, Retry.NEVER, FixBy.OPERATOR, None),
    "TS-3045": ("Checkpoint does not follow the one that was cosigned last", 409, Retry.AFTER, FixBy.OPERATOR, None),
    "TS-3046": ("Consistency proof does not hold", 422, Retry.NEVER, FixBy.OPERATOR, None),
    "TS-3047": ("Request to a witness malformed", 400, Retry.NEVER, FixBy.MAKER, None),
    "TS-3048": ("Two checkpoints of one log contradict each other", 409, Retry.NEVER, FixBy.AUTHORITY, None),
}

_PROOF: dict[str, Row] = {
    "TS-3050": ("Not an export of a ledger, or of another version", 422, Retry.NEVER, FixBy.USER, None),
    "TS-3051": ("Export incomplete or damaged", 422, Retry.NEVER, FixBy.USER, None),
    "TS-3052": ("Export unpacks beyond its bounds", 413, Retry.NEVER, FixBy.USER, None),
    "TS-3053": ("Policy of trust cannot be read", 422, Retry.NEVER, FixBy.USER, None),
    "TS-3054": ("Verification was ended from outside", 503, Retry.SAME_BYTES, FixBy.USER, None),
    "TS-3055": ("Ledger cannot be exported", 409, Retry.NEVER, FixBy.OPERATOR, None),
    "TS-3056": ("Tamper drill refused", 409, Retry.NEVER, FixBy.OPERATOR, None),
    "TS-3060": ("Deed not possible in this state of the module", 409, Retry.NEVER, FixBy.SERVICE_CENTRE, None),
    "TS-3061": ("Module does not fit the hardware profile", 422, Retry.NEVER, FixBy.SERVICE_CENTRE, None),
    "TS-3062": ("Self-test of the module failed", 422, Retry.NEVER, FixBy.SERVICE_CENTRE, None),
    "TS-3063": ("Module not recorded on both sides yet", 409, Retry.AFTER, FixBy.SERVICE_CENTRE, None),
    "TS-3064": ("Batch not open, or in work elsewhere", 409, Retry.AFTER, FixBy.SERVICE_CENTRE, None),
    "TS-3065": ("Printing job out of order", 409, Retry.NEVER, FixBy.SERVICE_CENTRE, None),
    "TS-3066": ("PIN letter printed already", 409, Retry.NEVER, FixBy.SERVICE_CENTRE, None),
    "TS-3067": ("Tax service refused the report", 502, Retry.NEVER, FixBy.OPERATOR, None),
    "TS-3068": ("Order of modules malformed", 422, Retry.NEVER, FixBy.SERVICE_CENTRE, None),
    "TS-3069": ("Module holds something else than was written", 409, Retry.NEVER, FixBy.SERVICE_CENTRE, None),
    "TS-3071": ("Another manifest of this version", 409, Retry.NEVER, FixBy.MAKER, None),
    "TS-3072": ("Trust list cannot be read", 422, Retry.NEVER, FixBy.USER, None),
    "TS-3073": ("Trust list not signed by one who may, or not in force", 403, Retry.NEVER, FixBy.AUTHORITY, None),
    "TS-3080": ("Issuing authority withdrawn already", 409, Retry.NEVER, FixBy.AUTHORITY, None),
    "TS-3081": ("Authority that does not belong here", 409, Retry.NEVER, FixBy.OPERATOR, None),
    "TS-3082": ("No more timestamps today", 503, Retry.AFTER, FixBy.OPERATOR, None),
}

_AUDIT: dict[str, Row] = {
    "TS-3101": ("Audit request message malformed", 400, Retry.NEVER, FixBy.DEVICE, None),
    "TS-3102": ("Audit request message of another card", 403, Retry.NEVER, FixBy.DEVICE, None),
    "TS-3103": ("Audit superseded by a later start", 409, Retry.AFTER, FixBy.DEVICE, None),
    "TS-3104": ("Audit incomplete", 409, Retry.AFTER, FixBy.DEVICE, None),
    "TS-3105": ("Override needs a second officer", 403, Retry.NEVER, FixBy.AUTHORITY, None),
    "TS-3106": ("Command unknown", 404, Retry.NEVER, FixBy.DEVICE, None),
    "TS-3107": ("Result for a command that was never given", 404, Retry.NEVER, FixBy.DEVICE, None),
    "TS-3108": ("Result contradicts the one reported before", 409, Retry.NEVER, FixBy.AUTHORITY, None),
    "TS-3110": ("Secure element cannot be reached", 503, Retry.AFTER, FixBy.MERCHANT, None),
    "TS-3111": ("Secure element's answer is cut short or cannot be read", 503, Retry.AFTER, FixBy.MERCHANT, None),
    "TS-3112": ("Secure element did not answer in time", 503, Retry.AFTER, FixBy.MERCHANT, None),
    "TS-3113": ("Secure element was exchanged during a session", 503, Retry.AFTER, FixBy.MERCHANT, None),
    "TS-3114": ("Secure element is held by another program", 503, Retry.AFTER, FixBy.MERCHANT, None),
    "TS-3115": ("Secure element answered with an unknown status word", 503, Retry.AFTER, FixBy.MAKER, None),
    "TS-3116": ("Card reader not found or not unique", 503, Retry.AFTER, FixBy.OPERATOR, None),
    "TS-3117": ("Client key of the secure element cannot be used", 503, Retry.AFTER, FixBy.OPERATOR, None),
    "TS-3130": ("Answer of the time server not usable", 502, Retry.AFTER, FixBy.OPERATOR, None),
    "TS-3131": ("Time server wants no questions", 503, Retry.AFTER, FixBy.OPERATOR, None),
    "TS-3132": ("Time outside what the device's clock may be set to", 422, Retry.NEVER, FixBy.MERCHANT, None),
    "TS-3133": ("Request to the device's face from elsewhere", 403, Retry.NEVER, FixBy.MERCHANT, None),
    "TS-3150": ("Too many files in one upload", 413, Retry.NEVER, FixBy.USER, None),
    "TS-3151": ("Archive cannot be read safely", 422, Retry.NEVER, FixBy.USER, None),
    "TS-3152": ("Too many files of this user wait", 429, Retry.AFTER, FixBy.USER, None),
    "TS-3153": ("No command waits for the card", 404, Retry.AFTER, FixBy.USER, None),
    "TS-3170": ("Command for another card", 422, Retry.NEVER, FixBy.AUTHORITY, None),
    "TS-3171": ("Command cannot be carried out", 422, Retry.NEVER, FixBy.AUTHORITY, None),
    "TS-3172": ("Command came again", 200, Retry.NEVER, FixBy.AUTHORITY, None),
    "TS-3180": ("Not a folder of this database's backups", 409, Retry.NEVER, FixBy.OPERATOR, None),
    "TS-3181": ("Somebody else is at these backups", 409, Retry.AFTER, FixBy.OPERATOR, None),
    "TS-3182": ("Backup damaged", 422, Retry.NEVER, FixBy.OPERATOR, None),
    "TS-3183": ("No backup reaches that moment", 404, Retry.NEVER, FixBy.OPERATOR, None),
    "TS-3184": ("The database does not recover from the backup", 422, Retry.NEVER, FixBy.OPERATOR, None),
    "TS-3185": ("Something is in the way of a restore", 409, Retry.NEVER, FixBy.OPERATOR, None),
    "TS-3186": ("The mirror does not go on from this ledger", 422, Retry.NEVER, FixBy.OPERATOR, None),
    "TS-3187": ("Acknowledged entries are lost", 422, Retry.NEVER, FixBy.OPERATOR, None),
    "TS-3188": ("PostgreSQL's own program failed", 503, Retry.AFTER, FixBy.OPERATOR, None),
}

_NATIONAL: dict[str, Row] = {
    "TS-3200": ("Fiscal memory or record not there", 404, Retry.NEVER, FixBy.DEVICE, None),
    "TS-3201": ("Fiscal memory full", 409, Retry.NEVER, FixBy.SERVICE_CENTRE, None),
    "TS-3202": ("Fiscal memory closed", 409, Retry.NEVER, FixBy.SERVICE_CENTRE, None),
    "TS-3203": ("Fiscal memory damaged", 422, Retry.NEVER, FixBy.SERVICE_CENTRE, None),
    "TS-3204": ("Fiscal memory of another device", 409, Retry.NEVER, FixBy.SERVICE_CENTRE, None),
    "TS-3205": ("Fiscal memory held by another program", 503, Retry.AFTER, FixBy.MERCHANT, None),
    "TS-3206": ("Fiscal memory cannot be written", 503, Retry.AFTER, FixBy.SERVICE_CENTRE, None),
    "TS-3207": ("Seal of the fiscal memory overdue", 409, Retry.AFTER, FixBy.DEVICE, None),
    "TS-3208": ("Record does not fit a fiscal memory", 422, Retry.NEVER, FixBy.MAKER, None),
    "TS-3209": ("Fiscal memory does not go back", 409, Retry.NEVER, FixBy.SERVICE_CENTRE, None),
    "TS-3210": ("Document is not as it was sealed", 409, Retry.NEVER, FixBy.OPERATOR, None),
    "TS-3211": ("Tax service did not answer as agreed", 502, Retry.AFTER, FixBy.AUTHORITY, None),
    "TS-3230": ("Report on the write-once memory missing", 422, Retry.NEVER, FixBy.SERVICE_CENTRE, None),
    "TS-3231": ("Number of the agreement taken or malformed", 409, Retry.NEVER, FixBy.OPERATOR, None),
    "TS-3232": ("No agreement that could end so", 409, Retry.NEVER, FixBy.OPERATOR, None),
    "TS-3233": ("Too many registers present themselves", 429, Retry.AFTER, FixBy.SERVICE_CENTRE, None),
    "TS-3240": ("Queue to the tax service not in service", 503, Retry.AFTER, FixBy.OPERATOR, None),
    "TS-3241": ("Receipt cannot be sent", 422, Retry.NEVER, FixBy.MERCHANT, None),
    "TS-3250": ("No connection to the authority: nothing was made", 503, Retry.AFTER, FixBy.MERCHANT, None),
    "TS-3251": ("Sent, and no answer yet", 503, Retry.SAME_BYTES, FixBy.MERCHANT, None),
    "TS-3252": ("The register has stopped", 409, Retry.NEVER, FixBy.SERVICE_CENTRE, None),
    "TS-3253": ("Request id used for another request", 409, Retry.NEVER, FixBy.MAKER, None),
    "TS-3254": ("Payments do not fit the total", 422, Retry.NEVER, FixBy.MERCHANT, None),
    "TS-3255": ("Not in the register's memory", 404, Retry.NEVER, FixBy.MERCHANT, None),
    "TS-3256": ("More than is left of the original", 409, Retry.NEVER, FixBy.MERCHANT, None),
    "TS-3257": ("The register has no tax rates for it", 409, Retry.AFTER, FixBy.SERVICE_CENTRE, None),
    "TS-3258": ("Store or memory of the register cannot be used", 409, Retry.NEVER, FixBy.SERVICE_CENTRE, None),
    "TS-3259": ("The register's clock stands behind its last document", 409, Retry.AFTER, FixBy.MERCHANT, None),
    "TS-3260": ("The register's certificate has ended", 409, Retry.AFTER, FixBy.SERVICE_CENTRE, None),
    "TS-3261": ("Too long without the authority", 503, Retry.AFTER, FixBy.MERCHANT, None),
    "TS-3262": ("The register is not set up", 409, Retry.NEVER, FixBy.SERVICE_CENTRE, None),
    "TS-3263": ("The register's key does not open", 403, Retry.NEVER, FixBy.MERCHANT, None),
    "TS-3264": ("Enrolment did not give a certificate", 502, Retry.AFTER, FixBy.OPERATOR, None),
    "TS-3265": ("Catalogue cannot be read", 422, Retry.NEVER, FixBy.MERCHANT, None),
    "TS-3280": ("Coding of a part damaged or cut off", 400, Retry.NEVER, FixBy.MAKER, None),
    "TS-3281": ("Part is not lines of documents in order", 400, Retry.NEVER, FixBy.MAKER, None),
    "TS-3282": ("Batch unknown", 404, Retry.NEVER, FixBy.DEVICE, None),
    "TS-3283": ("Batch is closed already", 409, Retry.NEVER, FixBy.DEVICE, None),
    "TS-3284": ("Too much of this device waits", 429, Retry.AFTER, FixBy.DEVICE, None),
    "TS-3285": ("Device reports a lower or another head than before", 409, Retry.NEVER, FixBy.AUTHORITY, None),
    "TS-3286": ("Times within a batch contradict each other", 200, Retry.NEVER, FixBy.AUTHORITY, None),
    "TS-3290": ("Key names another act", 409, Retry.NEVER, FixBy.MAKER, None),
    "TS-3291": ("Act of this key still in work", 409, Retry.AFTER, FixBy.DEVICE, None),
    "TS-3292": ("Key malformed, or not taken here", 400, Retry.NEVER, FixBy.MAKER, None),
    "TS-3293": ("Cursor unknown", 400, Retry.NEVER, FixBy.MAKER, None),
    "TS-3294": ("Bulk malformed or too large", 422, Retry.NEVER, FixBy.MAKER, None),
    "TS-3295": ("Address of a webhook refused", 422, Retry.NEVER, FixBy.MAKER, None),
    "TS-3296": ("Too many webhooks", 409, Retry.NEVER, FixBy.MAKER, None),
    "TS-3300": ("Command to a device malformed", 422, Retry.NEVER, FixBy.AUTHORITY, None),
    "TS-3301": ("Command may not be given by this person", 403, Retry.NEVER, FixBy.AUTHORITY, None),
    "TS-3302": ("Command not signed by whom the root certified for it", 422, Retry.NEVER, FixBy.AUTHORITY, None),
    "TS-3303": ("Command for another device or environment", 422, Retry.NEVER, FixBy.AUTHORITY, None),
    "TS-3304": ("Command expired or out of its order", 409, Retry.NEVER, FixBy.AUTHORITY, None),
    "TS-3305": ("Result of a command malformed or not the device's own", 422, Retry.NEVER, FixBy.MAKER, None),
    "TS-3306": ("Result of a command contradicts the one before", 409, Retry.NEVER, FixBy.AUTHORITY, None),
    "TS-3307": ("No such command for this device", 404, Retry.NEVER, FixBy.DEVICE, None),
    "TS-3308": ("Too many commands, or too many devices", 409, Retry.AFTER, FixBy.AUTHORITY, None),
    "TS-3309": ("Device cannot take this command", 409, Retry.NEVER, FixBy.AUTHORITY, None),
}

_PORTAL: dict[str, Row] = {
    "TS-4001": ("Sign-in failed", 401, Retry.NEVER, FixBy.USER, None),
    "TS-4002": ("A stronger sign-in is needed", 403, Retry.NEVER, FixBy.USER, None),
    "TS-4003": ("Object unknown or not yours", 404, Retry.NEVER, FixBy.USER, None),
    "TS-4004": ("Approval pending", 409, Retry.AFTER, FixBy.USER, None),
    "TS-4005": ("Own request cannot be approved", 409, Retry.NEVER, FixBy.USER, None),
    "TS-4006": ("Export too large", 413, Retry.NEVER, FixBy.USER, None),
    "TS-4007": ("Form out of date", 412, Retry.NEVER, FixBy.USER, None),
    "TS-4008": ("Upload refused", 422, Retry.NEVER, FixBy.USER, None),
    "TS-4009": ("Too many requests", 429, Retry.AFTER, FixBy.USER, None),
    "TS-4020": ("Receipt does not fit on paper", 422, Retry.NEVER, FixBy.USER, None),
    "TS-4021": ("Account of another person", 403, Retry.NEVER, FixBy.USER, None),
    "TS-4022": ("Decided in its own room", 409, Retry.NEVER, FixBy.USER, None),
    "TS-4023": ("Another module in the reader", 409, Retry.AFTER, FixBy.SERVICE_CENTRE, None),
    "TS-4024": ("Text with a NUL", 400, Retry.NEVER, FixBy.USER, None),
}

_OPERATION: dict[str, Row] = {
    "TS-5001": ("Intake stopped by order", 503, Retry.AFTER, FixBy.AUTHORITY, 1),
    "TS-5002": ("Queue full", 503, Retry.AFTER, FixBy.OPERATOR, 1),
    "TS-5003": ("Second copy not confirmed", 503, Retry.SAME_BYTES, FixBy.OPERATOR, 1),
    "TS-5004": ("Signing unit away", 503, Retry.AFTER, FixBy.OPERATOR, 1),
    "TS-5005": ("Storage nearly full", 503, Retry.AFTER, FixBy.OPERATOR, 1),
    "TS-5006": ("Clock not trustworthy", 503, Retry.AFTER, FixBy.OPERATOR, 1),
    "TS-5007": ("Sequencer changing over", 503, Retry.SAME_BYTES, FixBy.OPERATOR, 1),
    "TS-5008": ("Self-check of the ledger failed", 503, Retry.AFTER, FixBy.OPERATOR, 1),
    "TS-5009": ("Database away", 503, Retry.AFTER, FixBy.OPERATOR, 1),
    "TS-5010": ("Witnesses too late for intake to go on", 503, Retry.AFTER, FixBy.OPERATOR, 1),
    "TS-5099": ("Unexpected failure", 500, Retry.SAME_BYTES, FixBy.OPERATOR, 1),
}


def _kinds() -> Iterator[FaultKind]:
    tables = (
        _TRANSPORT, _READING, _SIGNATURE, _ORDER, _CONTENT, _DEVICE_STATE, _PRODUCTION, _PROOF, _AUDIT, _NATIONAL,
        _PORTAL, _OPERATION,
    )  # fmt: skip
    for table in tables:
        for code, row in table.items():
            yield FaultKind(code, *row)


CATALOGUE: Mapping[str, FaultKind] = MappingProxyType({kind.code: kind for kind in _kinds()})
"""All kinds of fault by code, in ascending order."""
