"""Closing the backends of a tracker."""

import logging

log = logging.getLogger(__name__)


def close(routing):
    """Close all backends below a tracker or a routing backend.

    Queues deliver what they hold, as long as their ``exit_wait``.
    """
    for name, backend in routing.backends.items():
        try:
            if callable(getattr(backend, 'close', None)):
                backend.close()
            elif hasattr(backend, 'backends'):
                close(backend)
        except Exception:
            log.exception('backend %r could not be closed', name)
