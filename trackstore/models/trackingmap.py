"""The tracking map: what is told about the objects of each class."""

import logging
from collections.abc import Mapping

from zope.interface import implementer

from trackstore.jsonsafe import TEXT_LIMIT, json_safe
from trackstore.models.check import problems_of
from trackstore.models.entries import Entry, name_of
from trackstore.models.exceptions import MapError
from trackstore.models.interfaces import ITrackingMap
from trackstore.models.search import found_object
from trackstore.models.sqlalchemymodels import checked_session
from trackstore.models.urls import given_by, url_of
from trackstore.models.values import told_values

MISSING = ('error', 'report')
#: How many levels of children are told, if nothing else is said.
DEPTH = 5
LARGEST_DEPTH = 20

log = logging.getLogger('trackstore.models')


@implementer(ITrackingMap)
class TrackingMap:
    """What is told about the objects of each class, see ``ITrackingMap``.

    ``entries`` is a mapping from class names to entries.  An entry is a mapping of

    ``attributes``
        a list of names, dotted paths, functions of the object, and pairs (name, path
        or function); or a mapping from names to paths or functions
    ``children`` (also ``related``)
        a list of paths, functions, pairs, and mappings of ``path``, ``name``,
        ``keys`` (``'indexed'`` or ``'collected'``), ``limit`` and ``role``
    ``key``
        the attribute that identifies an object
    ``unique``
        a list of further attributes by which an object may be looked up
    ``model``
        the class, or its dotted name; or what finds objects, as ``find``
    ``find``
        what finds objects, where the class has no way of its own
    ``session``
        the session of SQLAlchemy, or what returns it

    ``missing`` is ``'error'``, or ``'report'`` for a map that leaves out what is not
    there and gives the problem, an exception, to the function ``report``; by default
    it is logged.  ``roles`` are the roles that may come by a URL, and that keys of
    an event's data are.  ``depth`` is how many levels of children are told, and
    ``text_limit`` the longest text.
    """

    def __init__(self, entries, missing='error', report=None, roles=(), depth=DEPTH,
                 session=None, text_limit=TEXT_LIMIT):
        if not isinstance(entries, Mapping):
            raise MapError(f'entries: {entries!r:.80} is no mapping; allowed is a '
                           f'mapping from class names to entries')
        if missing not in MISSING:
            raise MapError(f"missing: {missing!r:.80} is neither 'error' nor 'report'")
        if report is not None and not callable(report):
            raise MapError(f'report: {report!r:.80} is no function of a problem')
        if type(depth) is not int or not 0 <= depth <= LARGEST_DEPTH:
            raise MapError(f'depth: {depth!r:.80} is no depth; allowed are whole '
                           f'numbers from 0 to {LARGEST_DEPTH}')
        json_safe('', text_limit)  # which checks the limit
        checked_session(session, 'session')
        self.entries = {name: Entry(name, options, session)
                        for name, options in entries.items()}
        self.missing = missing
        self.report = report or log_problem
        self.roles = _roles(roles)
        self.depth = depth
        self.text_limit = text_limit
        _check_names(self.entries)

    def __repr__(self):
        return f'<TrackingMap of {self.names()}>'

    def tracking_values(self, /, *objects, **roles):
        """See ``ITrackingMap``."""
        return told_values(self, _given(objects, roles))

    def get_model(self, name, value):
        """See ``ITrackingMap``."""
        return found_object(self, name, value)

    def values_from_query(self, params):
        """See ``ITrackingMap``."""
        return told_values(self, given_by(self, params))

    def tracking_url(self, base, /, *objects, **roles):
        """See ``ITrackingMap``."""
        return url_of(self, base, _given(objects, roles))

    def check_map(self):
        """See ``ITrackingMap``."""
        return problems_of(self)

    trackingValues = tracking_values
    getModel = get_model

    def entry_of(self, obj):
        """See ``ITrackingMap``."""
        # its __class__, since a proxy is of another type
        return next(self.entries_of(obj.__class__), None)

    def entries_of(self, cls):
        """See ``ITrackingMap``."""
        for base in getattr(cls, '__mro__', ()):
            entry = self.entries.get(base.__name__)
            if entry is not None and entry.fits(base):
                yield entry

    def names(self):
        """See ``ITrackingMap``."""
        return ', '.join(self.entries) or 'none'

    def problem(self, error):
        """See ``ITrackingMap``."""
        if self.missing == 'error':
            raise error
        self.report(error)


def log_problem(problem):
    """Log a problem of a map that reports."""
    log.warning('%s', problem)


def _given(objects, roles):
    """Return objects as pairs (role or '', object)."""
    for role in roles:
        name_of(role, 'a role')
    return [*(('', obj) for obj in objects), *roles.items()]


def _roles(roles):
    if isinstance(roles, str) or not hasattr(roles, '__iter__'):
        raise MapError(f'roles: {roles!r:.80} is no list; allowed is a list of names')
    return tuple(name_of(role, 'a role') for role in roles)


def _check_names(entries):
    whose = {}
    for entry in entries.values():
        for attribute in entry.attributes:
            name = f'{entry.name}_{attribute.name}'
            if name in whose:
                raise MapError(
                    f'{name}: both {whose[name]} and {entry.name} have values of this '
                    f'name; rename one with a pair (name, path)')
            whose[name] = entry.name
