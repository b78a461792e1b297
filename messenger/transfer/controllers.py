"""The congestion controllers by name, for an option."""

from __future__ import annotations

from typing import Callable, Dict, Final

from messenger.transfer.congestion import Controller, Cubic
from messenger.transfer.patient import Patient
from messenger.transfer.rtt import RoundTrip

CONTROLLERS: Final[Dict[str, Callable[[int, RoundTrip], Controller]]] = {"patient": Patient, "cubic": Cubic}
"""Name to class; each is made of the segment size in bytes and the flow's round trips."""

DEFAULT_CONTROLLER: Final = "patient"
"""Keeps a lossy link busy, leaves a buffer empty, and takes no more beside CUBIC than another CUBIC would."""
