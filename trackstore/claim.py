"""The claim on upkeep: of several processes only one is at it.

What is due is due for all who write.  If all of them did it at the same time, the
work of all but one would be lost.  So a process first writes, in a transaction of
its own, that it is at it and until when.  A claim that is not given up, since its
process has ended, runs out.
"""

import time
from contextlib import contextmanager

from persistent import Persistent
from ZODB.POSException import ConflictError

#: For so many seconds a claim holds.
SECONDS = 20


class Claim(Persistent):
    """Until when somebody is at the upkeep."""

    until = 0.0

    def held(self):
        """Tell whether somebody is at it; what is far ahead was another clock's."""
        return 0 < self.until - time.time() <= SECONDS


@contextmanager
def claimed(connection, oid):
    """Take the claim of a storage; yield whether that succeeded; give it up."""
    taken = _write(connection, oid, held=False, until=time.time() + SECONDS)
    try:
        yield taken
    finally:
        if taken:
            _write(connection, oid, held=True, until=0.0)


def _write(connection, oid, held, until):
    """Set the claim in a transaction, if it is held or not, as is expected."""
    manager = connection.transaction_manager
    manager.begin()
    try:
        claim = connection.get(oid)._claim
        if claim.held() == held:
            claim.until = until
            manager.commit()
            return True
    except ConflictError:
        pass
    finally:
        manager.abort()
    return False
