"""What is installed here, as saved models and reports record it."""

import platform
from importlib.metadata import PackageNotFoundError, version

from forecast import __version__

RECORDED = ("numpy", "pandas", "torch", "statsmodels", "safetensors")


def installed_versions() -> dict[str, str]:
    """The versions that figures depend on, by name; what is not installed is not among them."""
    found = {"seqcast": __version__, "python": platform.python_version()}
    for name in RECORDED:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
