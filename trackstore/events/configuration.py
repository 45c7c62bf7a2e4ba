"""Trackers made from a tree of ``ENGINE`` and ``OPTIONS``.

A mapping with the key ``ENGINE`` stands for an object: the path of its class, and
under ``OPTIONS`` the arguments of it, in which further objects may stand.
"""

import importlib
import inspect
import os
from collections.abc import Mapping

from trackstore.events.checks import shown
from trackstore.events.exceptions import ConfigurationError
from trackstore.events.locator import (
    DefaultContextLocator,
    TaskContextLocator,
    ThreadLocalContextLocator,
)
from trackstore.events.tracker import Tracker

LOCATORS = {'tracker': DefaultContextLocator, 'thread': ThreadLocalContextLocator,
            'task': TaskContextLocator}

#: What a configuration may have at its top.
KEYS = ('backends', 'processors', 'contexts')


def tracker_from(configuration: Mapping, name: str = 'configuration') -> Tracker:
    """Return the tracker that a mapping describes.

    ``backends``
        a mapping of names to objects
    ``processors``
        a list of objects
    ``contexts``
        whose contexts are kept apart: ``'task'`` (the default), ``'thread'``, or
        ``'tracker'`` for one that all share

    ``name`` is what errors call the mapping.  What cannot be made is a
    ``ConfigurationError`` that says where it stands and what is allowed.
    """
    _expect(configuration, Mapping, name, 'a mapping')
    if unknown := [key for key in configuration if key not in KEYS]:
        raise ConfigurationError(
            f'{name}: {unknown[0]!r} is no part of a configuration; allowed are '
            f'{", ".join(KEYS)}')
    backends = configuration.get('backends') or {}
    processors = configuration.get('processors') or []
    _expect(backends, Mapping, f'{name}: backends', 'a mapping of names to engines')
    _expect(processors, (list, tuple), f'{name}: processors', 'a list of engines')
    contexts = configuration.get('contexts', 'task')
    if not isinstance(contexts, str) or contexts not in LOCATORS:
        raise ConfigurationError(
            f'{name}: contexts: {contexts!r} is not known; allowed are '
            f'{", ".join(LOCATORS)}')
    for place, part in _entries(backends, processors):
        if not isinstance(part, Mapping) or 'ENGINE' not in part:
            raise ConfigurationError(
                f'{name}: {place}: {shown(part)} has no ENGINE; wanted is '
                f"{{'ENGINE': 'path.of.the.Class', 'OPTIONS': {{...}}}}")
    backends = made(backends, f'{name}: backends')
    processors = made(processors, f'{name}: processors')
    try:
        return Tracker(backends, LOCATORS[contexts](), processors)
    except ConfigurationError as error:
        raise ConfigurationError(f'{name}: {error}') from error


def _entries(backends, processors):
    for key, part in backends.items():
        yield f'backends.{key}', part
    for number, part in enumerate(processors):
        yield f'processors.{number}', part


def load(path: str | os.PathLike) -> Tracker:
    """Return the tracker that a file in TOML or YAML describes.

    Its tables are those of ``tracker_from``.  YAML needs the extra ``yaml``.
    """
    if not isinstance(path, (str, os.PathLike)):
        raise ConfigurationError(
            f'path: {path!r:.200} is no path; allowed is that of a file in TOML or '
            f'YAML')
    path = os.fspath(path)
    return tracker_from(read(path), path)


def read(path: str) -> Mapping:
    """Return what stands in a file in TOML or YAML."""
    ending = os.path.splitext(path)[1].lower()
    readers = {'.toml': _toml, '.yaml': _yaml, '.yml': _yaml}
    if ending not in readers:
        raise ConfigurationError(
            f'path: {path!r} has no ending that says what it is; allowed are '
            f'{", ".join(readers)}')
    try:
        with open(path, 'rb') as file:
            return readers[ending](file) or {}
    except OSError as error:
        raise ConfigurationError(
            f'path: {path!r} cannot be read: {error.strerror}') from error
    except ConfigurationError:
        raise
    except ValueError as error:
        raise ConfigurationError(f'{path}: {error}') from error


def _toml(file):
    try:
        import tomllib
    except ImportError:  # Python 3.10
        try:
            import tomli as tomllib
        except ImportError:
            raise _missing('toml') from None
    return tomllib.load(file)


def _yaml(file):
    try:
        import yaml
    except ImportError:
        raise _missing('yaml') from None

    class Loader(yaml.SafeLoader):
        """Refuses what YAML itself forbids: a key that is there twice."""

        def compose_mapping_node(self, anchor):
            node = super().compose_mapping_node(anchor)
            keys = set()
            for key, _ in node.value:
                if (key.tag, str(key.value)) in keys:
                    raise yaml.composer.ComposerError(
                        None, None, f'the key {key.value!r} is there twice',
                        key.start_mark)
                keys.add((key.tag, str(key.value)))
            return node

    try:
        return yaml.load(file, Loader)
    except yaml.YAMLError as error:
        raise ValueError(' '.join(str(error).split())) from error


def _missing(extra):
    return ConfigurationError(
        f"path: reading this needs what pip install 'trackstore[{extra}]' brings")


# objects

def made(node, place, around=()):
    """Return a tree with the objects that its mappings with ``ENGINE`` stand for.

    ``place`` is what errors call the tree, ``around`` are the nodes that it is in.
    """
    if not isinstance(node, (Mapping, list, tuple)):
        return node
    if any(node is outer for outer in around):
        raise ConfigurationError(f'{place}: it stands inside itself')
    around = (*around, node)
    if isinstance(node, (list, tuple)):
        return [made(part, f'{place}.{number}', around)
                for number, part in enumerate(node)]
    if 'ENGINE' in node:
        return _object(node, place, around)
    return {key: made(part, f'{place}.{key}', around) for key, part in node.items()}


def _object(node, place, around):
    if unknown := [key for key in node if key not in ('ENGINE', 'OPTIONS')]:
        raise ConfigurationError(
            f'{place}: {unknown[0]!r} stands beside ENGINE; allowed is OPTIONS')
    engine = imported(node['ENGINE'], f'{place}.ENGINE')
    if not callable(engine):
        raise ConfigurationError(
            f'{place}.ENGINE: {node["ENGINE"]!r} is no class but a '
            f'{type(engine).__qualname__}')
    options = node.get('OPTIONS') or {}
    _expect(options, Mapping, f'{place}.OPTIONS', 'a mapping')
    _check_options(engine, node['ENGINE'], options, place)
    options = made(options, f'{place}.OPTIONS', around)
    try:
        return engine(**options)
    except (TypeError, ValueError) as error:
        if isinstance(error, ConfigurationError) and ': ' in str(error) and (
                str(error).startswith(place)):
            raise
        raise ConfigurationError(f'{place}.OPTIONS: {error}') from error
    except Exception as error:
        raise ConfigurationError(
            f'{place}: {node["ENGINE"]} cannot be made: {type(error).__name__}: {error}'
        ) from error


def imported(path, place):
    """Return the class, function or other object of a dotted path."""
    if callable(path):
        return path
    module, _, name = path.rpartition('.') if isinstance(path, str) else ('',) * 3
    if not module:
        said = repr(path) if isinstance(path, str) else shown(path)
        raise ConfigurationError(
            f'{place}: {said} is no path of a class; wanted is text like '
            f"'trackstore.events.backends.memory.MemoryBackend'")
    try:
        return getattr(importlib.import_module(module), name)
    except Exception as error:  # whatever is wrong in that module
        raise ConfigurationError(
            f'{place}: {path!r} cannot be imported: {error}') from error


def _check_options(engine, path, options, place):
    """Raise an error for an option that the engine does not take, or lacks."""
    try:
        signature = inspect.signature(engine)
    except (TypeError, ValueError):  # some classes written in C have none
        return
    try:
        signature.bind(**options)
    except TypeError as error:
        allowed = [
            name for name, parameter in signature.parameters.items()
            if parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD,
                                      parameter.POSITIONAL_ONLY)]
        raise ConfigurationError(
            f'{place}.OPTIONS: {error} of {path}; its options are: '
            f'{", ".join(allowed) or "none"}') from error


def _expect(value, types, place, wanted):
    if not isinstance(value, types):
        raise ConfigurationError(f'{place}: {shown(value)} is not {wanted}')
