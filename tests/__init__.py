"""The tests: `python -m pytest` from the top of the project."""
