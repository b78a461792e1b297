"""The version of the package, on its own so that everybody can import it."""

__version__ = "0.1.0"
