"""What may hinder the console phone, for those who have it do something."""

from __future__ import annotations

from ...media import MediaError

PhoneError = MediaError  # a device that cannot be opened, a sound that is none, no room for its audio
