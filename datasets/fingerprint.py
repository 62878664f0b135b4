"""A short name for the content of a panel, so that two runs can tell whether they saw the same data."""

import hashlib

import numpy as np

from forecast.datasets.panel import Panel


def fingerprint(panel: Panel) -> str:
    """Sixteen hex digits over ids, grid positions and values; equal content gives equal digits on every machine."""
    digest = hashlib.sha256()
    digest.update("\x1f".join(map(str, panel.ids)).encode())
    digest.update(panel.schema.freq.encode())
    for array in (panel.starts, panel.offsets, panel.ends, panel.target, panel.past, panel.future, panel.static):
        digest.update(np.ascontiguousarray(array).view(np.uint8).data if array.size else b"")
    for array in (panel.past_codes, panel.future_codes, panel.static_codes):
        digest.update(np.ascontiguousarray(array).view(np.uint8).data if array.size else b"")
    return digest.hexdigest()[:16]
