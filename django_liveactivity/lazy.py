"""Packages whose names are imported on first use (PEP 562), so that Django starts light."""

import sys
from collections.abc import Callable, Sequence
from importlib import import_module


def lazy_names(
    package: str, names: Sequence[str], *modules: str
) -> tuple[Callable[[str], object], Callable[[], list[str]]]:
    """Return a package's ``__getattr__`` and ``__dir__``.

    Args:
        package: its ``__name__``.
        names: its ``__all__``.
        *modules: its modules that define the names, those that load least first. One that is a
            name itself is a name.
    """

    def get(name: str) -> object:
        if name in modules:
            return import_module(f"{package}.{name}")
        for module in modules if name in names else ():
            home = import_module(f"{package}.{module}")
            if hasattr(home, name):
                return vars(sys.modules[package]).setdefault(name, getattr(home, name))
        raise AttributeError(f"module {package!r} has no attribute {name!r}")

    def names_of_package() -> list[str]:
        return sorted({*vars(sys.modules[package]), *names})

    return get, names_of_package
