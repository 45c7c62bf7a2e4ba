"""Where the contexts are that hold for the caller: one a tracker, thread or task."""

import threading
from collections import OrderedDict
from collections.abc import MutableMapping
from contextvars import ContextVar
from types import MappingProxyType

from zope.interface import implementer

from trackstore.events.interfaces import IContextLocator


@implementer(IContextLocator)
class DefaultContextLocator:
    """One for the tracker: all its threads have the same contexts."""

    def __init__(self):
        self.context = OrderedDict()

    def get(self):
        return self.context


@implementer(IContextLocator)
class ThreadLocalContextLocator:
    """One for each thread."""

    def __init__(self):
        self._local = threading.local()

    def get(self):
        try:
            return self._local.context
        except AttributeError:
            self._local.context = context = OrderedDict()
            return context


@implementer(IContextLocator)
class TaskContextLocator:
    """One for each task of asyncio, greenlet or thread (contextvars).

    A new task begins with the contexts of the one that made it, and neither sees
    what the other enters later; a new thread begins without any.
    """

    def __init__(self):
        self._context = TaskContext(
            ContextVar('trackstore contexts', default=MappingProxyType({})))

    def get(self):
        return self._context


class TaskContext(MutableMapping):
    """The mapping in a context variable, replaced with each change.

    A mapping that was changed in place would be changed for other tasks, too.
    """

    __slots__ = ('_variable',)

    def __init__(self, variable):
        self._variable = variable

    def __getitem__(self, name):
        return self._variable.get()[name]

    def __iter__(self):
        return iter(self._variable.get())

    def __len__(self):
        return len(self._variable.get())

    def values(self):
        return self._variable.get().values()

    def __setitem__(self, name, ctx):
        self._variable.set({**self._variable.get(), name: ctx})

    def __delitem__(self, name):
        left = dict(self._variable.get())
        del left[name]
        self._variable.set(left)

    def __repr__(self):
        return f'<{type(self).__name__} {self._variable.get()!r}>'
