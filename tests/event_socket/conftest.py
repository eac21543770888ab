"""Clients of the event socket, without a socket: a stranger, and one who has given the password."""

from __future__ import annotations

import pytest

from .talking import Client, reply


@pytest.fixture
def stranger():
    return Client()


@pytest.fixture
def client(stranger):
    stranger.hear()
    assert stranger.say("auth pass word\n\n") == reply("+OK accepted")
    return stranger
