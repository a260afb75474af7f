"""Pod addresses: unique in a cluster, and clusters do not meet."""

from __future__ import annotations

import socket
from contextlib import closing
from ipaddress import IPv4Address
from random import Random

import pytest

from davy.cluster.node.addresses import PODS, Addresses, NoAddressError


def test_two_clusters_with_the_same_luck_get_different_blocks() -> None:
    with closing(Addresses(Random(7))) as one, closing(Addresses(Random(7))) as two:
        assert not one.block.overlaps(two.block)
        assert one.block.subnet_of(PODS)


def test_a_block_is_free_again_when_its_cluster_ends() -> None:
    one = Addresses(Random(7))
    one.close()
    with closing(Addresses(Random(7))) as two:
        assert two.block == one.block


def test_addresses_are_unique_and_reused_as_late_as_possible() -> None:
    with closing(Addresses(Random(1))) as addresses:
        first, second = addresses.take(), addresses.take()
        assert first != second
        addresses.give_back(first)
        assert addresses.take() not in (first, second)
        assert IPv4Address(first) in addresses.block


def test_a_full_block_says_so() -> None:
    with closing(Addresses(Random(1))) as addresses:
        taken = [addresses.take() for _ in range(addresses.block.num_addresses - 2)]
        assert len(set(taken)) == len(taken)
        with pytest.raises(NoAddressError, match="4094 pod addresses"):
            addresses.take()
        addresses.give_back(taken[17])
        assert addresses.take() == taken[17]


def test_every_address_can_be_listened_on() -> None:
    with closing(Addresses(Random())) as addresses, socket.socket() as listening:
        listening.bind((addresses.take(), 0))
        listening.listen(1)
