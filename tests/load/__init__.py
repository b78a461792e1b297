"""Load: accounting, thresholds, profiles, reports, and runs of real programs."""
