"""Programs that are graded in tests: bad ones, and one of other words. Each is started as a script."""
