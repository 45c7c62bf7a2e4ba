"""Checks of the options of backends; what is not allowed fails when it is made."""

import os
import re
import sys
from collections.abc import Mapping
from inspect import iscoroutinefunction

from trackstore.events.exceptions import ConfigurationError


def whole(value, name, least=1, none=False):
    """Return a whole number from ``least``; None passes where ``none`` is true."""
    if value is None and none:
        return None
    if type(value) is not int or value < least:
        raise ConfigurationError(
            f'{name}: {value!r} is not allowed; allowed are whole numbers from '
            f'{least}{", and None for no limit" if none else ""}')
    return value


def seconds(value, name, zero=False):
    """Return a number of seconds, more than 0 unless ``zero`` is true."""
    if type(value) not in (int, float) or not 0 <= value <= sys.float_info.max or (
            value == 0 and not zero):
        raise ConfigurationError(
            f'{name}: {value!r} is no time; allowed are seconds, '
            f'{"from" if zero else "more than"} 0')
    return value


def file_path(path, name):
    """Return the absolute path of a file that is there, or can be made."""
    whole = os.path.abspath(path)
    if not os.path.isdir(os.path.dirname(whole)):
        raise ConfigurationError(
            f'{name}: {path!r} is in a folder that does not exist; allowed are files '
            f'in folders that do')
    if os.path.isdir(whole):
        raise ConfigurationError(
            f'{name}: {path!r} is a folder; allowed is the path of a file')
    return whole


def one_of(value, name, allowed):
    """Return a value that is in the list ``allowed``."""
    if value not in allowed:
        raise ConfigurationError(
            f'{name}: {value!r} is not known; allowed are '
            f'{", ".join(map(repr, allowed))}')
    return value


def flag(value, name):
    """Return True or False."""
    if not isinstance(value, bool):
        raise ConfigurationError(
            f'{name}: {value!r} is no flag; allowed are True and False')
    return value


def no_coroutine(function, name):
    """Refuse what would only return a coroutine, which nobody awaits."""
    if iscoroutinefunction(function) or iscoroutinefunction(
            getattr(function, '__call__', None)):  # noqa: B004  an object's
        raise ConfigurationError(
            f'{name}: {shown(function)} is a coroutine function; allowed are usual '
            f'functions, as events are emitted without await')


def wrong_type(value, name, what, allowed):
    """Return the error for a value that may be secret, and is not shown."""
    return ConfigurationError(
        f'{name}: a value of type {type(value).__name__} is no {what}; allowed is '
        f'{allowed}')


#: Texts that are shown: they are paths of classes, and no secrets.
_PATH = re.compile(r'\w+(\.\w+)+')


def shown(value):
    """Return a part of a configuration for an error, without what may be secret."""
    if isinstance(value, Mapping):
        return '{' + ', '.join(f'{key!r}: ...' for key in value) + '}'
    if isinstance(value, (list, tuple)):
        return '[' + ', '.join(map(shown, value)) + ']'
    if isinstance(value, str) and not _PATH.fullmatch(value):
        return 'this text'
    return repr(value)


#: What is allowed where secrets stand.
SECRET = 'text, with ${NAME} for a variable of the environment'


def missing(package, extra, error):
    """Return the error for a package that cannot be imported."""
    return ConfigurationError(
        f"{package} cannot be imported ({error}); it comes with "
        f"pip install 'trackstore[{extra}]'")
