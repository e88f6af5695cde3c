"""Which connections give way where there are too many."""

from collections.abc import Sequence

from config.web_server.peers import HEAD_SECONDS, PROXIES, Peers

MOST = 10


class Pretended:
    def __init__(self, network: str) -> None:
        self.network = network
        self.is_closed = self.is_aborted = False

    def close(self) -> None:
        self.is_closed = True

    def abort(self) -> None:
        self.is_aborted = True

    def end_soon(self) -> None:
        """Nothing is under way."""


def peers_of(*networks: str, share: int = 100) -> tuple[Peers, list[Pretended]]:
    """A connection of each of ``networks``, one a second, all of which wait for a head."""
    peers = Peers(most=MOST, share_of=lambda _: share)
    held = [Pretended(network) for network in networks]
    for second, peer in enumerate(held):
        peers.add(peer, second)
    return peers, held


def ended(held: Sequence[Pretended]) -> list[int]:
    return [number for number, peer in enumerate(held) if peer.is_aborted]


def test_a_network_below_its_share_ends_nothing() -> None:
    peers, held = peers_of("a", "a", "b", share=30)

    assert peers.has_room("a")
    assert ended(held) == []


def test_past_its_share_a_network_loses_what_waits_for_longest() -> None:
    peers, held = peers_of("b", "a", "a", "a", share=30)

    assert peers.has_room("a")
    assert ended(held) == [1]


def test_past_its_share_a_network_whose_requests_are_all_under_way_gets_no_more() -> None:
    peers, held = peers_of("b", "a", "a", "a", share=30)
    for peer in held[1:]:
        peers.busy(peer)

    assert not peers.has_room("a")
    assert ended(held) == []


def test_who_waits_for_the_next_request_waits_since_the_last() -> None:
    peers, held = peers_of("a", "a", "a", share=30)
    peers.busy(held[0])
    peers.wait(held[0], 5)

    peers.has_room("a")

    assert ended(held) == [1]


def test_trusted_proxies_have_no_share() -> None:
    peers, held = peers_of(PROXIES, PROXIES, PROXIES, share=10)

    assert peers.has_room(PROXIES)
    assert ended(held) == []


def test_what_ended_is_no_longer_counted() -> None:
    peers, held = peers_of("a", "a", "a", share=30)
    peers.remove(held[1])
    peers.remove(held[1])

    assert peers.has_room("a")
    assert ended(held) == []


def test_for_all_the_network_with_most_that_wait_gives_way() -> None:
    peers, held = peers_of("c", "a", "b", "b", "b", "a")

    peers.make_room(100)

    assert ended(held) == [2]


def test_whose_requests_are_under_way_does_not_give_way() -> None:
    peers, held = peers_of("b", "b", "b", "a")
    for peer in held[:3]:
        peers.busy(peer)

    peers.make_room(100)

    assert ended(held) == [3]


def test_of_equals_the_one_that_waits_for_longest_gives_way() -> None:
    peers, held = peers_of("a", "b", "c")
    peers.wait(held[0], 50)

    peers.make_room(100)

    assert ended(held) == [1]


def test_proxies_give_way_last() -> None:
    peers, held = peers_of(PROXIES, PROXIES, PROXIES, "a")

    peers.make_room(100)
    assert ended(held) == [3]

    peers.make_room(100)
    assert ended(held) == [0, 3]


def test_who_just_came_does_not_give_way() -> None:
    peers, held = peers_of("a", "a")

    peers.make_room(0.5)

    assert ended(held) == []


def test_a_full_process_takes_another_when_one_may_give_way() -> None:
    peers, held = peers_of(*"abcdefghij")

    assert not peers.may_grow(0.5)
    assert peers.may_grow(1)
    for peer in held:
        peers.busy(peer)
    assert not peers.may_grow(100)
    peers.remove(held[0])
    assert peers.may_grow(100)


def test_many_give_way_together_down_to_what_others_have() -> None:
    peers = Peers(most=64 * 5, share_of=lambda _: 100)
    held = [Pretended(network) for network in "aaaaabbbccc"]
    for peer in held:
        peers.add(peer, 0)

    peers.make_room(100)

    left = [peer.network for peer in peers]
    assert [left.count(network) for network in "abc"] == [2, 2, 2]
    assert len(ended(held)) == 5


def test_who_sends_no_head_is_ended_and_then_may_take_what_was_written() -> None:
    peers, held = peers_of("a")

    peers.end_overdue(HEAD_SECONDS)
    assert (held[0].is_closed, held[0].is_aborted) == (True, False)

    peers.end_overdue(HEAD_SECONDS + 59)
    assert not held[0].is_aborted

    peers.end_overdue(HEAD_SECONDS + 60)
    assert held[0].is_aborted
    assert len(peers) == 0


def test_who_leaves_gives_way_before_those_who_wait() -> None:
    peers, held = peers_of("a", "a", "a", share=30)
    peers.leave(held[2], 10)

    peers.has_room("a")

    assert ended(held) == [2]
