"""A messenger for the terminal: see README.md for its use. (The map of the code base stands here.)"""

from __future__ import annotations

__version__ = "0.1.0"
