"""The registry of algorithms: a change of the date changes the verdict (K-01)."""

from datetime import UTC, datetime, timedelta

import pytest

from tallystick.kernel.algorithms import (
    REGISTRY,
    Algorithm,
    AlgorithmRegistry,
    AlgorithmRule,
    Purpose,
    Status,
    require_allowed,
)
from tallystick.kernel.faults import Fault

TODAY = datetime(2026, 6, 1, tzinfo=UTC)
NEW_YEAR_2031 = datetime(2031, 1, 1, tzinfo=UTC)
A_MOMENT = timedelta(microseconds=1)


@pytest.mark.parametrize(
    ("algorithm", "purpose", "moment", "status"),
    [
        (Algorithm.SHA_256, Purpose.HASH, TODAY, Status.REQUIRED),
        (Algorithm.ECDSA_P256, Purpose.DOCUMENT, TODAY, Status.REQUIRED),
        (Algorithm.ECDSA_P256, Purpose.DOCUMENT, datetime(2036, 1, 1, tzinfo=UTC), Status.ALLOWED),
        (Algorithm.ED25519, Purpose.CHECKPOINT, TODAY, Status.REQUIRED),
        (Algorithm.ML_DSA_44, Purpose.CHECKPOINT, TODAY, Status.ALLOWED),
        (Algorithm.ML_DSA_44, Purpose.CHECKPOINT, datetime(2030, 1, 1, tzinfo=UTC), Status.REQUIRED),
        (Algorithm.RSA_PSS, Purpose.DOCUMENT, NEW_YEAR_2031 - A_MOMENT, Status.ALLOWED),
        (Algorithm.RSA_PSS, Purpose.DOCUMENT, NEW_YEAR_2031, Status.VERIFY_LEGACY_ONLY),
        (Algorithm.RSA_PKCS1_SHA1, Purpose.SECURE_ELEMENT, TODAY, Status.WIRE_REQUIRED),
        (Algorithm.RSA_PKCS1_AES_CBC, Purpose.PACKAGE, TODAY, Status.WIRE_REQUIRED),
        (Algorithm.TLS_1_2, Purpose.TRANSPORT, NEW_YEAR_2031 - A_MOMENT, Status.ALLOWED),
        (Algorithm.TLS_1_2, Purpose.TRANSPORT, NEW_YEAR_2031, Status.FORBIDDEN),
        (Algorithm.TLS_1_3, Purpose.TRANSPORT, NEW_YEAR_2031, Status.REQUIRED),
        (Algorithm.GOST_28147_89, Purpose.MODULE_TEST, TODAY, Status.VERIFY_LEGACY_ONLY),
        (Algorithm.TRIPLE_DES, Purpose.STORAGE, TODAY, Status.FORBIDDEN),
        (Algorithm.SHA_1, Purpose.ARCHIVE, TODAY, Status.VERIFY_LEGACY_ONLY),
        (Algorithm.SHA_1, Purpose.HASH, TODAY, Status.FORBIDDEN),
        (Algorithm.DSA_1024, Purpose.ARCHIVE, NEW_YEAR_2031 - A_MOMENT, Status.VERIFY_LEGACY_ONLY),
        (Algorithm.DSA_1024, Purpose.ARCHIVE, NEW_YEAR_2031, Status.FORBIDDEN),
    ],
)
def test_k_01_status_by_date(algorithm: Algorithm, purpose: Purpose, moment: datetime, status: Status) -> None:
    assert REGISTRY.status(algorithm, purpose, moment) is status


@pytest.mark.parametrize("purpose", [purpose for purpose in Purpose if purpose is not Purpose.CHECKSUM])
def test_k_09_md5_is_a_checksum_and_nothing_else(purpose: Purpose) -> None:
    require_allowed(Algorithm.MD5, Purpose.CHECKSUM, TODAY)
    with pytest.raises(Fault, match="TS-1310"):
        require_allowed(Algorithm.MD5, purpose, TODAY, only_check=True)


@pytest.mark.parametrize("algorithm", [Algorithm.NONE, Algorithm.RSA_BELOW_2048, Algorithm.TLS_BELOW_1_2])
def test_k_01_some_serve_nothing_ever(algorithm: Algorithm) -> None:
    assert {REGISTRY.status(algorithm, purpose, TODAY) for purpose in Purpose} == {Status.FORBIDDEN}


def test_k_01_legacy_may_be_checked_but_not_made() -> None:
    require_allowed(Algorithm.DSA_1024, Purpose.ARCHIVE, TODAY, only_check=True)
    with pytest.raises(Fault, match="TS-1310"):
        require_allowed(Algorithm.DSA_1024, Purpose.ARCHIVE, TODAY)


def test_k_01_a_country_ends_an_algorithm_of_the_wire_on_its_own_day() -> None:
    end = datetime(2028, 7, 1, tzinfo=UTC)
    key = Algorithm.RSA_PKCS1_SHA1, Purpose.SECURE_ELEMENT
    country = REGISTRY.changed_by(
        [AlgorithmRule(*key, Status.WIRE_REQUIRED), AlgorithmRule(*key, Status.VERIFY_LEGACY_ONLY, end)]
    )
    country.require_allowed(*key, end - A_MOMENT)
    with pytest.raises(Fault, match="TS-1310"):
        country.require_allowed(*key, end)
    country.require_allowed(*key, end, only_check=True)
    REGISTRY.require_allowed(*key, end)


def test_a_countrys_rules_replace_ours_for_their_purpose_only() -> None:
    country = REGISTRY.changed_by([AlgorithmRule(Algorithm.RSA_PSS, Purpose.DOCUMENT, Status.FORBIDDEN)])
    assert country.status(Algorithm.RSA_PSS, Purpose.DOCUMENT, NEW_YEAR_2031) is Status.FORBIDDEN
    assert country.status(Algorithm.RSA_PSS, Purpose.TRANSPORT, TODAY) is Status.ALLOWED


def test_rules_give_the_table_back() -> None:
    again = AlgorithmRegistry(REGISTRY.rules())
    assert again.rules() == REGISTRY.rules()


def test_before_its_first_rule_an_algorithm_is_forbidden() -> None:
    registry = AlgorithmRegistry([AlgorithmRule(Algorithm.HPKE, Purpose.PACKAGE, Status.REQUIRED, TODAY)])
    assert registry.status(Algorithm.HPKE, Purpose.PACKAGE, TODAY - A_MOMENT) is Status.FORBIDDEN
