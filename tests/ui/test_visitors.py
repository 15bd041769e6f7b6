"""Who a visitor is, and how many requests each has left. The clock is scripted."""

from __future__ import annotations

import pytest

from gptjt_demo.errors import TooMany
from gptjt_demo.ui import visitors
from gptjt_demo.ui.visitors import Visitors, visitor


@pytest.mark.parametrize(
    ("peer", "forwarded", "known_as"),
    [
        ("203.0.113.7", "", "203.0.113.7"),
        ("8.8.8.8", "9.9.9.9", "8.8.8.8"),  # no proxy: what it says of others is made up
        ("10.16.3.80", "9.9.9.9", "9.9.9.9"),
        ("127.0.0.1", "1.1.1.1, 9.9.9.9, 10.0.0.3", "9.9.9.9"),  # whatever the visitor wrote comes first
        ("10.16.3.80", "192.168.1.20", "192.168.1.20"),
        ("10.16.3.80", "nonsense, ,", "10.16.3.80"),
        ("::1", "2606:4700:1:2:3:4:5:6", "2606:4700:1:2::/64"),
        ("2606:4700:1:2::9", "", "2606:4700:1:2::/64"),
        ("", "", "unknown"),
        ("testclient", "x" * 10_000, "unknown"),
    ],
)
def test_a_visitor_is_an_address_that_they_cannot_make_up(peer: str, forwarded: str, known_as: str) -> None:
    assert visitor(peer, forwarded) == known_as


def test_a_minute_s_requests_are_admitted_and_then_one_whenever_its_time_has_come() -> None:
    now = [0.0]
    limit = Visitors(3, lambda: now[0])
    for _ in range(3):
        limit.admit("one")
    with pytest.raises(TooMany, match="more than 3 requests a minute, the limit here; try again in 20 s") as refused:
        limit.admit("one")
    assert refused.value.seconds == 20
    limit.admit("other")
    now[0] = 19.0
    with pytest.raises(TooMany, match="in 1 s"):
        limit.admit("one")
    now[0] = 20.0
    limit.admit("one")
    with pytest.raises(TooMany):
        limit.admit("one")


def test_a_refused_request_costs_nothing_and_a_rest_gives_no_more_than_a_minute_s() -> None:
    now = [0.0]
    limit = Visitors(2, lambda: now[0])
    now[0] = 10_000.0
    limit.admit("one")
    limit.admit("one")
    for _ in range(100):
        with pytest.raises(TooMany):
            limit.admit("one")
    now[0] += 30.0
    limit.admit("one")


def test_visitors_are_forgotten_where_there_are_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(visitors, "MOST", 5)
    limit = Visitors(1)
    for number in range(100):
        limit.admit(str(number))
    assert len(limit) <= 5


def test_without_a_limit_nobody_is_counted() -> None:
    limit = Visitors(None)
    for _ in range(1_000):
        limit.admit("one")
    assert len(limit) == 0
