"""Opens the folder in which a country keeps its certificates, as its pack has them."""

from __future__ import annotations

from tallystick.crypto.national_oids import DOCUMENTATION_ARC
from tallystick.crypto.pki import DemoPki
from tallystick.kernel.country_pack import CountryPack
from tallystick.ops.state_folder import StateFolder


def open_pki(state: StateFolder, pack: CountryPack, publication_url: str) -> DemoPki:
    """``publication_url`` is where lists, OCSP and issuers are served; raises ``OSError`` and ``ValueError``."""
    return DemoPki.load(
        state.keys,
        environment=pack.environment,
        publication_url=publication_url,
        arc=pack.certificates.arc or DOCUMENTATION_ARC,
        days=pack.certificates.days,
    )
