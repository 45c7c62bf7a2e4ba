"""The systems that are compared, by name."""

from importlib import import_module

#: Of each system: its module and its class.
CLASSES = {
    'trackstore': ('trackstore', 'Trackstore'),
    'sqlite': ('sqlite', 'SQLite'),
    'sqlite64': ('sqlite', 'SQLite64'),
    'duckdb': ('duckdb', 'DuckDB'),
    'baseline': ('baseline', 'Baseline'),
}


def system_class(name):
    """Return the class of a system; its packages are imported only now."""
    module, found = CLASSES[name]
    try:
        return getattr(import_module(f'{__name__}.{module}'), found)
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f'Measuring {name} needs the package {error.name!r}: '
            "pip install 'trackstore[bench]'", name=error.name) from error
