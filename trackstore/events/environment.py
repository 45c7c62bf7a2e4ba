"""Secrets: from environment variables into options, and not into messages."""

import os
import re

from trackstore.events.exceptions import ConfigurationError

_VARIABLE = re.compile(r'\$\{([A-Za-z_][A-Za-z0-9_]*)\}')

#: Shorter values are not hidden: hiding them would eat other words.
_SHORTEST = 4


def expanded(text, option, secrets):
    """Return text with the values of environment variables for ``${NAME}``.

    The values are added to the list ``secrets``.  A variable that is not set is a
    ``ConfigurationError`` that names it and the option.
    """
    def value(match):
        name = match.group(1)
        if name not in os.environ:
            raise ConfigurationError(
                f'{option}: the environment has no variable {name}; allowed are the '
                f'names of variables that are set')
        secrets.append(os.environ[name])
        return os.environ[name]
    return _VARIABLE.sub(value, text)


def hidden(text, secrets):
    """Return text with ``***`` for each secret in it."""
    for secret in sorted(secrets, key=len, reverse=True):
        if len(secret) >= _SHORTEST:
            text = text.replace(secret, '***')
    return text
