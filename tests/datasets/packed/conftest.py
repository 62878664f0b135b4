"""Packing in tests: nothing has to outlive a power cut, and the cache is a folder of the test's own."""

import os

import pytest


@pytest.fixture(autouse=True)
def _apart(tmp_path_factory, monkeypatch):
    monkeypatch.setattr(os, "fsync", lambda handle: None)
    monkeypatch.setenv("FORECAST_CACHE", str(tmp_path_factory.mktemp("cache")))
