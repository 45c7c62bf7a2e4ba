"""What a process has open belongs to it: a child after a fork begins anew."""

import os
import weakref

_owners = weakref.WeakSet()


def renewed_after_fork(owner):
    """Have ``owner.after_fork()`` called in each child process."""
    _owners.add(owner)


def _renew():
    for owner in list(_owners):
        owner.after_fork()


if hasattr(os, 'register_at_fork'):
    os.register_at_fork(after_in_child=_renew)
