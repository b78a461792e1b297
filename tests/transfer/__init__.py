"""The transfer of files: claims on a virtual clock, over paths that lose, double, damage, delay and cut off."""
