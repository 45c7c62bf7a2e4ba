"""The tail: a few pages in which the newest changes stand, key by key.

A page is a small persistent object that maps keys to bytes.  Which page a key
is in follows from the key alone, so that two changes to one key always meet in
the same object; changes to different keys in one page are merged when they
collide.  When the pages are full, upkeep moves what stands in them to where it
lasts (*sealing*) and empties them; a change that was made at the same time
stays in its page and overrides what was moved.

The pages themselves are never replaced, so nothing that is written to one can
be lost.
"""

from persistent import Persistent
from ZODB.POSException import ConflictError

#: The number of entries after which a page is full.
PAGE_SIZE = 32

#: The number of pages of the tail of tracks.
PAGES = 16

_MISSING = object()


class Page(Persistent):
    """Maps keys to records, or to None for what is removed."""

    #: Whether two writers may set a new key to the very same record.
    sharing = False

    def __init__(self):
        self.records = {}
        self._v_stamp = object()

    def __getstate__(self):
        return self.records

    def __setstate__(self, state):
        self.records = state
        self._v_stamp = object()

    def put(self, key, record):
        """Set the record of a key, None to remove what lies below."""
        self.records[key] = record
        self._changed()

    def drop(self, keys):
        """Take out the entries of these keys: they are sealed."""
        for key in keys:
            del self.records[key]
        self._changed()

    def _changed(self):
        self._v_stamp = object()
        self._p_changed = True

    def _p_resolveConflict(self, old, saved, new):
        """Merge by key: what was sealed by one and changed by the other stays."""
        result = dict(saved)
        for key in old.keys() | new.keys():
            before = old.get(key, _MISSING)
            theirs = saved.get(key, _MISSING)
            ours = new.get(key, _MISSING)
            if ours != before:
                merged = self._merged(before, theirs, ours)
                if merged is _MISSING:
                    del result[key]
                else:
                    result[key] = merged
        return result

    def _merged(self, before, theirs, ours):
        """Return what is to stand under a key that we have changed."""
        if theirs == before:
            return ours
        if theirs is _MISSING and ours is not _MISSING:
            return ours  # they sealed what we changed
        if ours is _MISSING and theirs is not _MISSING:
            return theirs  # and the other way round
        if self.sharing and theirs == ours is not _MISSING:
            return ours
        raise ConflictError


class SharingPage(Page):
    """A page in which two writers may make the same new entry."""

    sharing = True
