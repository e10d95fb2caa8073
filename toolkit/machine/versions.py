"""Versions of installed libraries; apart from `facts`, whose imports every start would pay for."""

import importlib.metadata


def installed_version(name: str) -> str | None:
    """Return a distribution's version, or None where it isn't installed."""
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None
