"""Opens the folder in which a country keeps its certificates, as its pack has them."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from tallystick.authority.keys.signing_unit import SigningUnit
from tallystick.authority.keys.unit_signer import UnitSigner
from tallystick.crypto.national_oids import DOCUMENTATION_ARC
from tallystick.crypto.pki import DemoPki
from tallystick.kernel.country_pack import CountryPack
from tallystick.kernel.faults import Fault
from tallystick.ops.packs import load_pack
from tallystick.ops.settings import Settings, SettingsError
from tallystick.ops.state_folder import StateFolder


@cache
def unit_at(*sockets: Path) -> SigningUnit:
    """The one door of this process to the key processes behind these sockets.

    One, so that its circuit opens and closes for all who ask here: a new door for each call would wait two seconds each
    time that nobody answers. Nobody closes it; it connects again after a loss.
    """
    return SigningUnit(*sockets)


def open_pki(state: StateFolder, pack: CountryPack, publication_url: str) -> DemoPki:
    """The country's authorities; a key that is no file of the folder is asked of the key processes that run here.

    ``publication_url`` is where lists, OCSP and issuers are served. Raises ``OSError`` and ``ValueError``; issuing
    raises ``TS-5004`` where neither file nor process has the key.
    """

    def elsewhere(name: str) -> UnitSigner:
        sockets = sorted(state.run.glob("keys*.sock"))
        if not sockets:
            raise Fault("TS-5004", detail=f"the key {name} is no file here, and no process that holds keys runs")
        return UnitSigner.of(unit_at(*sockets), name)

    return DemoPki.load(
        state.keys,
        environment=pack.environment,
        publication_url=publication_url,
        arc=pack.certificates.arc or DOCUMENTATION_ARC,
        days=pack.certificates.days,
        elsewhere=elsewhere,
    )


def pki_of(settings: Settings, state: StateFolder) -> DemoPki:
    """The authorities of the settings' country, for a command; raises ``SettingsError`` where they are not whole."""
    try:
        return open_pki(state, load_pack(settings.country), settings.pki_url)
    except (OSError, ValueError) as error:
        raise SettingsError(f"there is no whole national PKI in {state.keys}: {error}") from error
