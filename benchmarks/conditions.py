"""Under what conditions a run took place."""

import os
import platform
import sqlite3
from datetime import datetime, timezone
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from . import workload
from .systems import system_class


def conditions(options, folder):
    """Return a dictionary that describes machine, versions and settings."""
    packages = {}
    setups = {}
    for name in options.systems:
        system = system_class(name)
        setups[name] = system.setup
        for package in system.packages:
            packages[package] = version(package)
    return {
        'started': datetime.now(timezone.utc).isoformat(timespec='minutes'),
        'python': platform.python_version(),
        'system': platform.platform(terse=True),
        'processor': processor(),
        'cores': os.cpu_count(),
        'memory': os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES'),
        'file system': file_system(folder),
        'trackstore': own_version(),
        'packages': {**packages, 'SQLite': sqlite3.sqlite_version},
        'setups': setups,
        'workload': workload.DESCRIPTION,
        'sizes': options.sizes,
        'rounds': options.rounds,
        'files are dropped': hasattr(os, 'posix_fadvise'),
        'baseline at most': options.baseline_max,
    }


def load():
    """Return the processes that wanted a core in the last minute, or None.

    One measurement at a time is about one, DuckDB's more; what is above that
    is other work on the machine, and spoils the figures.
    """
    return round(os.getloadavg()[0], 2) if hasattr(os, 'getloadavg') else None


def own_version():
    try:
        return version('trackstore')
    except PackageNotFoundError:
        return 'this checkout'


def processor():
    try:
        lines = Path('/proc/cpuinfo').read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(':')[2].strip() for line in lines
             if line.startswith('model name')]
    return names[0] if names else platform.machine()


def file_system(folder):
    """Return the type of the file system that the folder is on."""
    best = '', 'unknown'
    try:
        mounts = Path('/proc/mounts').read_text().splitlines()
    except OSError:
        return best[1]
    path = str(Path(folder).resolve())
    for line in mounts:
        _, place, kind = line.split()[:3]
        if (path + '/').startswith(place.rstrip('/') + '/'):
            best = max(best, (place, kind), key=lambda pair: len(pair[0]))
    return best[1]
