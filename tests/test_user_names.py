"""Names of users, for messages."""

from __future__ import annotations

from auricle.user_names import user_name


def test_a_user_has_a_name_and_an_unknown_one_its_id() -> None:
    assert user_name(0) == "root"
    assert user_name(54321) == "54321"
    assert user_name(2**40) == str(2**40)
