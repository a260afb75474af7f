"""Pod addresses: every pod gets a loopback address of its own, out of a block that this cluster alone has."""

from __future__ import annotations

import errno
import socket
from ipaddress import IPv4Network
from random import Random

PODS = IPv4Network("127.16.0.0/12")  # Service addresses are elsewhere (127.96.0.0/12)
BLOCK = 20  # prefix length of one cluster's share: 4094 pods, 256 clusters on one machine
CLAIM_PORT = 10256
ATTEMPTS = 64


class NoAddressError(Exception):
    """There is no free address; the message says why."""


class Addresses:
    """The addresses of one cluster's pods. Holds a listening socket on the block's first address as its claim.

    Any address of 127.0.0.0/8 can be bound on Linux without set-up.
    """

    def __init__(self, random: Random) -> None:
        self._claim, self.block = _claimed(random)
        self._next, self._used = 1, set[int]()

    def take(self) -> str:
        """An address that no pod of this cluster has; one given back is used again as late as possible."""
        size = self.block.num_addresses
        for _ in range(size):
            number, self._next = self._next, self._next % (size - 2) + 1
            if number not in self._used:
                self._used.add(number)
                return str(self.block[number])
        raise NoAddressError(f"all {size - 2} pod addresses of {self.block} are in use; delete some pods")

    def give_back(self, address: str) -> None:
        number = int.from_bytes(socket.inet_aton(address), "big") - int(self.block.network_address)
        self._used.discard(number)

    def close(self) -> None:
        """Let other clusters have the block."""
        self._claim.close()


def _claimed(random: Random) -> tuple[socket.socket, IPv4Network]:
    blocks = list(PODS.subnets(new_prefix=BLOCK))
    for block in random.sample(blocks, ATTEMPTS):
        claim = socket.socket()
        try:
            claim.bind((str(block.network_address), CLAIM_PORT))
            claim.listen(1)
        except OSError as error:
            claim.close()
            if error.errno != errno.EADDRINUSE:
                raise NoAddressError(
                    f"pods need loopback addresses like {block[1]}, which this machine does not give: {error.strerror}"
                ) from error
            continue
        return claim, block
    raise NoAddressError(f"{ATTEMPTS} blocks of pod addresses were tried and all are in use; end some other clusters")
