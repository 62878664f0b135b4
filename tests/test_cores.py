"""Threads are shared out by the cores that a process may use."""

import os

import pytest

from forecast import cores


@pytest.mark.parametrize(
    ("files", "processes", "expected"),
    [
        ({}, None, 4),
        ({"cpu0/": "0,2", "cpu2/": "0,2", "cpu1/": "1,3", "cpu3/": "1,3"}, None, 2),
        ({"cpu.max": "150000 100000"}, None, 2),
        ({"cpu.max": "max 100000"}, None, 4),
        ({"cpu.max": "10000 100000"}, None, 1),
        ({}, "2", 2),
        ({}, "9", 1),
    ],
)
def test_threads_are_counted_by_core_and_by_share(monkeypatch, files, processes, expected):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1, 2, 3}, raising=False)
    monkeypatch.delenv("LOCAL_WORLD_SIZE", raising=False)
    if processes:
        monkeypatch.setenv("LOCAL_WORLD_SIZE", processes)

    def read(path: str, otherwise: str) -> str:
        return next((text for part, text in files.items() if part in path), otherwise)

    monkeypatch.setattr(cores, "_read", read)
    cores.cores.cache_clear()
    try:
        assert cores.cores() == expected
    finally:
        cores.cores.cache_clear()
