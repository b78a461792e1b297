"""Grading other programs: marks, dialects, what is noticed, and whole gradings of good and bad ones."""
