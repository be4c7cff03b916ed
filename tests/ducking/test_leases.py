"""Who wants quiet, and for how long."""

from __future__ import annotations

import math

import pytest

from auricle.ducking.leases import CLIENT_LEASES, Leases, check_seconds
from auricle.errors import ArgumentError, NoSuchLeaseError, TooManyLeasesError


def test_quiet_lasts_as_long_as_anybody_wants_it() -> None:
    claims = Leases()
    claims.begin("s1")
    lease = claims.take(":1.1")
    claims.end("s1")
    assert claims.any
    claims.release(":1.1", lease)
    assert not claims.any


def test_a_client_that_leaves_takes_its_leases_with_it() -> None:
    claims = Leases()
    claims.take(":1.1")
    other = claims.take(":1.2")
    assert claims.leave(":1.1")
    assert claims.any
    claims.release(":1.2", other)
    assert not claims.any
    assert not claims.leave(":1.1")


def test_a_lease_is_for_its_client_alone_and_ends_once() -> None:
    claims = Leases()
    lease = claims.take(":1.1")
    with pytest.raises(NoSuchLeaseError):
        claims.release(":1.2", lease)
    claims.release(":1.1", lease)
    with pytest.raises(NoSuchLeaseError):
        claims.release(":1.1", lease)


def test_leases_are_limited_for_each_client_and_for_all() -> None:
    claims = Leases()
    for _ in range(CLIENT_LEASES):
        claims.take(":1.1")
    with pytest.raises(TooManyLeasesError):
        claims.take(":1.1")
    with pytest.raises(TooManyLeasesError):
        for client in range(100):
            claims.take(f":2.{client}")


@pytest.mark.parametrize("seconds", [0.0, -1.0, 3601.0, math.nan, math.inf])
def test_a_lease_has_a_sensible_length(seconds: float) -> None:
    with pytest.raises(ArgumentError):
        check_seconds(seconds)
