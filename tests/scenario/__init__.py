"""Scenarios: their grammar, the player, both drivers, and what is shown of plays."""
