"""The way to the tax service: POST to its address, or files in a folder that it collects (S1-046)."""

from __future__ import annotations

from http import HTTPStatus
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

import attrs

from tallystick.authority.reference.production.tasks import NotNow, TaxService
from tallystick.authority.reference.production.values import Report
from tallystick.kernel.faults import Fault
from tallystick.kit.atomic_file import write_atomically
from tallystick.kit.http_call import Away, call
from tallystick.ops.settings import SettingsError
from tallystick.ops.state_folder import StateFolder

MEDIA_TYPE = "application/vnd.tallystick.module-report+json"
_SECONDS = 4.0
"""For the whole call, well below what the database lets a transaction rest: a report is held while it is told."""
_ANSWER_BYTES_MAX = 1_048_576
_RECEIPT_BYTES = 4_096
_PASSING = frozenset({408, 425, 429})
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


@attrs.frozen(slots=True)
class ReportFolder:
    """A folder that the tax service collects from; a file that is there durably has been told."""

    folder: Path

    def tell(self, report: Report) -> str:
        """Write the report as a file; the same report again is the same file."""
        name = f"{report.report_id:010d}-{report.number}-{report.deed}.json"
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_atomically(self.folder / name, report.body)
        except OSError as error:
            raise NotNow(f"the folder of reports: {error}") from error
        return name


@attrs.frozen(slots=True)
class ReportAddress:
    """The tax service's own door. 2xx accepts, 409 says that it knows already, other 4xx refuse, the rest passes."""

    url: SplitResult

    def tell(self, report: Report) -> str:
        """POST the bytes with the report's number as key; gives the first bytes of the answer as receipt."""
        headers = {"Content-Type": MEDIA_TYPE, "Idempotency-Key": str(report.report_id)}
        try:
            reply = call(
                self.url.geturl(),
                method="POST",
                body=report.body,
                headers=headers,
                timeout_seconds=_SECONDS,
                most_bytes=_ANSWER_BYTES_MAX,
            )
        except Away as error:
            raise NotNow(f"the tax service: {error}") from error
        status, answer = reply.status, reply.body[:_RECEIPT_BYTES].decode("utf-8", "replace").strip()
        if 200 <= status < 300 or status == HTTPStatus.CONFLICT:
            return f"{status} {answer}"
        if 400 <= status < 500 and status not in _PASSING:
            raise Fault("TS-3067", detail=f"{status} {answer}")
        raise NotNow(f"the tax service answered {status}")


def tax_service(setting: str, state: StateFolder) -> TaxService:
    """What the setting ``module_reports`` names; raises ``SettingsError``. Plain HTTP is for this machine only."""
    if not setting.startswith(("http:", "https:")):
        return ReportFolder(Path(setting) if setting else state.demo / "production" / "reports")
    url = urlsplit(setting)
    if not url.hostname or (url.scheme == "http" and url.hostname not in _LOOPBACK):
        raise SettingsError("module_reports: an https address, or a folder")
    return ReportAddress(url)
