"""What one client may hold of a web process, and what is left for others."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from ipaddress import ip_network

import pytest
from pytest_django.fixtures import Settings

from accounts.credentials.principals import ANONYMOUS, Principal
from accounts.origin import settle
from config.front_door.shares import Holder, Place, Shares, ShareTaken
from registry.access.tokens import issue_token, verify_token

ALICE = Holder("192.0.2.1", "user:1")
STRANGER = Holder("192.0.2.1")


@pytest.fixture(autouse=True)
def _places(settings: Settings) -> None:
    settings.MAXIMUM_CONCURRENT_DOWNLOADS = 20
    settings.SHARE_PER_CLIENT = 75
    settings.SHARE_PER_STRANGER = 40


@contextmanager
def holding(
    shares: Shares, holders: Sequence[Holder], place: Place = Place.DOWNLOAD
) -> Iterator[None]:
    with ExitStack() as held:
        for holder in holders:
            held.enter_context(shares.held(place, holder))
        yield


def is_taken(shares: Shares, holder: Holder, place: Place = Place.DOWNLOAD) -> bool:
    try:
        with shares.held(place, holder):
            return False
    except ShareTaken:
        return True


def test_an_account_holds_its_share_from_wherever_it_calls() -> None:
    shares = Shares()
    spread = [Holder(f"192.0.2.{number}", "user:1") for number in range(15)]

    with holding(shares, spread):
        assert is_taken(shares, Holder("192.0.2.200", "user:1"))
        assert not is_taken(shares, Holder("192.0.2.200", "user:2"))


def test_accounts_at_one_address_hold_one_share() -> None:
    shares = Shares()

    with holding(shares, [Holder("192.0.2.1", f"user:{number}") for number in range(15)]):
        assert is_taken(shares, Holder("192.0.2.1", "user:99"))
        assert not is_taken(shares, Holder("192.0.2.2", "user:99"))


def test_strangers_hold_a_smaller_share_beside_those_who_logged_in() -> None:
    shares = Shares()

    with holding(shares, [STRANGER] * 8):
        assert is_taken(shares, STRANGER)
        assert not is_taken(shares, ALICE)


def test_strangers_from_many_addresses_leave_places_for_who_logged_in() -> None:
    shares = Shares()

    with holding(shares, [Holder(f"192.0.2.{number}") for number in range(15)]):
        assert is_taken(shares, Holder("192.0.2.200"))
        assert not is_taken(shares, ALICE)


def test_all_together_hold_no_more_than_there_is() -> None:
    shares = Shares()

    with holding(shares, [Holder(f"192.0.2.{n}", f"user:{n}") for n in range(20)]):
        assert is_taken(shares, ALICE)


def test_a_place_that_was_given_back_is_there_for_the_next() -> None:
    shares = Shares()
    for _ in range(100):
        with holding(shares, [STRANGER] * 8):
            pass

    assert not is_taken(shares, STRANGER)
    assert shares.count == 0


def test_nothing_is_held_by_who_was_refused() -> None:
    shares = Shares()

    with holding(shares, [STRANGER] * 8):
        for _ in range(100):
            assert is_taken(shares, STRANGER)

        assert not is_taken(shares, Holder("192.0.2.2"))


def test_downloads_are_no_uploads() -> None:
    shares = Shares()

    with holding(shares, [STRANGER] * 8):
        assert not is_taken(shares, STRANGER, Place.UPLOAD)


def test_everybody_has_a_place_however_small_the_share_is(settings: Settings) -> None:
    settings.SHARE_PER_STRANGER = 1

    assert not is_taken(Shares(), STRANGER)


def test_of_the_large_ones_there_is_always_one() -> None:
    shares = Shares()
    with shares.held(Place.ANSWER, STRANGER, 10**12), pytest.raises(ShareTaken):
        shares.held(Place.ANSWER, STRANGER, 1).__enter__()


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("", ""),
    ],
)
def test_a_holder_is_told_by_the_network_it_calls_from(address: str, network: str) -> None:
    assert Holder.of({"REMOTE_ADDR": address}) == Holder(network)


def test_a_holder_behind_a_proxy_is_told_by_what_the_proxy_says(settings: Settings) -> None:
    settings.TRUSTED_PROXIES = [ip_network("10.0.0.0/8")]
    meta = {"REMOTE_ADDR": "10.0.0.1", "HTTP_X_FORWARDED_FOR": "192.0.2.7"}
    settle(meta)

    assert Holder.of(meta) == Holder("192.0.2.7")


@pytest.mark.django_db
def test_an_account_is_told_by_a_token_that_was_verified_here() -> None:
    meta = {"REMOTE_ADDR": "192.0.2.7", "HTTP_AUTHORIZATION": f"Bearer {token(ROBOT)}"}
    assert Holder.of(meta).account == ""

    verify_token(meta["HTTP_AUTHORIZATION"].partition(" ")[2], now=datetime.now(UTC))

    assert Holder.of(meta) == Holder("192.0.2.7", "robot:3")


@pytest.mark.django_db
def test_a_token_for_nobody_tells_no_account() -> None:
    text = token(ANONYMOUS)
    verify_token(text, now=datetime.now(UTC))

    assert Holder.of({"REMOTE_ADDR": "", "HTTP_AUTHORIZATION": f"Bearer {text}"}) == Holder("")


ROBOT = Principal("robot", 3, "acme+ci")


def token(principal: Principal) -> str:
    now = datetime.now(UTC)
    return issue_token(principal=principal, grants=[], epoch=0, now=now)[0]
