"""Ports: free, taken, answering."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest

from deploy.network import addresses, ports

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.create_server((addresses.LOOPBACK, 0)) as server:
        yield server.getsockname()[1]


def test_a_taken_port_is_named(taken: int) -> None:
    endpoint = addresses.ListenAddress(host=addresses.LOOPBACK, port=taken)
    with pytest.raises(ports.PortTakenError) as caught:
        ports.require_free(endpoint, "The edge")
    assert str(caught.value) == f"The edge cannot listen on 127.0.0.1:{taken}: address already in use."


def test_an_address_of_another_machine_is_named() -> None:
    with pytest.raises(ports.PortTakenError, match="cannot assign requested address"):
        ports.require_free(addresses.ListenAddress(host="192.0.2.1", port=8000), "The edge")


def test_a_name_that_does_not_exist_is_named() -> None:
    with pytest.raises(ports.PortTakenError, match=r"The edge cannot listen on nowhere\.invalid:80"):
        ports.require_free(addresses.ListenAddress(host="nowhere.invalid", port=80), "The edge")


def test_a_free_port_can_be_listened_on() -> None:
    ports.require_free(addresses.ListenAddress(host=addresses.LOOPBACK, port=ports.free_port()), "The edge")


def test_answering_is_told_from_silence(taken: int) -> None:
    assert ports.answers(addresses.LOOPBACK, taken)
    assert not ports.answers(addresses.LOOPBACK, ports.free_port())
