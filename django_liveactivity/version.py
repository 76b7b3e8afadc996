"""The version of this package, for the build, ``__version__`` and the client's User-Agent."""

__version__ = "0.1.0"
