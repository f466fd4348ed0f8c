"""Password hashes as the broker computes them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mqctl.model.password import hash_password, salt_of, verify

# Printed by a 3.10.8 broker for its user guest, password guest.
GUEST = "yqGhWSwuT/Tzzyz6b/vDoeDcRDx7ORqz0I22GzYeTnwvXFLs"


def test_a_brokers_own_hash_verifies() -> None:
    assert verify("guest", GUEST)


@pytest.mark.parametrize(
    ("password", "hashed", "algorithm"),
    [
        ("Guest", GUEST, "rabbit_password_hashing_sha256"),
        ("", GUEST, "rabbit_password_hashing_sha256"),
        ("guest", "", "rabbit_password_hashing_sha256"),
        ("guest", "not base64!", "rabbit_password_hashing_sha256"),
        ("guest", "yqGhWQ==", "rabbit_password_hashing_sha256"),
        ("guest", GUEST, "rabbit_password_hashing_sha512"),
        ("guest", GUEST, "rabbit_password_hashing_unknown"),
    ],
)
def test_a_wrong_password_hash_or_algorithm_does_not_verify(
    password: str, hashed: str, algorithm: str
) -> None:
    assert not verify(password, hashed, algorithm)


@given(st.text(), st.binary(min_size=4, max_size=4))
def test_what_was_hashed_verifies(password: str, salt: bytes) -> None:
    assert verify(password, hash_password(password, salt))


def test_a_salt_of_another_length_is_refused() -> None:
    with pytest.raises(ValueError, match="4 bytes"):
        hash_password("x", b"abc")


def test_salts_depend_on_every_part() -> None:
    salts = {salt_of("one", "admin"), salt_of("two", "admin"), salt_of("one", "app"), salt_of("onea", "dmin")}
    assert len(salts) == 4
