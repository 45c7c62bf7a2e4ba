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

import pickle
import zlib
from hashlib import blake2b

from persistent import Persistent
from ZODB.POSException import ConflictError

from trackstore import codec, damage
from trackstore.exceptions import DamagedError

#: The number of entries after which a page is full.  Which page a number is in
#: follows from it, so it is a part of the format.
PAGE_SIZE = 16

#: The number of pages of the tail of tracks.
PAGES = 32

#: Of so many seals a page knows which changed keys they took, and so many keys.
SEALS_KEPT, MOST_SEALED = 8, 64

#: A prime below 2 ** 32: a checksum begins with the key modulo this.
PRIME = 2 ** 32 - 5

#: What errors call a page of the tail of tracks.
NAME = 'tail, page {}'

_MISSING = object()


class Page(Persistent):
    """Maps keys to records, or to None for what is removed.

    ``changed`` are the keys of which the record is not the first: only these
    can have been changed by somebody else, too.  ``seals`` counts how often the
    page was sealed, and ``sealed`` maps the last of these seals to digests of
    the changed records that it took, by key, or to None where they were many;
    so a change that others made is noticed also when it has been sealed since.
    ``name`` is that of the page itself.
    """

    #: Whether two writers may set a new key to the very same record.
    sharing = False

    def __init__(self, name):
        self._set(({}, (), 0, {}, name))

    def __getstate__(self):
        return _packed((self.records, tuple(self.changed), self.seals, self.sealed,
                        self.name))

    def __setstate__(self, state):
        blob, = damage.shaped(self, state, bytes)
        state = pickle.loads(damage.opened(self, blob))
        damage.check_name(self, state[-1])
        self._set(state)

    def _set(self, state):
        self.records, changed, self.seals, self.sealed, self.name = state
        self.changed = set(changed)
        self._v_stamp = object()

    def put(self, key, record, new=False):
        """Set the record of a key, None to remove what lies below.

        ``new`` tells that nobody else can have the key.  A record in bytes, which
        is a pickle, gets a checksum behind it: what reads pickles does not see it,
        and in a hurt page it tells which records are whole.
        """
        if not new:
            self.changed.add(key)
        if type(record) is bytes:
            record += check_of(key, record)
        self.records[key] = record
        self._touch()

    def seal(self):
        """Take all entries out: they are where they last."""
        self.seals += 1
        if self.changed:
            self.sealed[self.seals] = (
                {key: _digest(self.records[key]) for key in self.changed}
                if len(self.changed) <= MOST_SEALED else None)
        for old in [n for n in self.sealed if n <= self.seals - SEALS_KEPT]:
            del self.sealed[old]
        self.records = {}
        self.changed = set()
        self._touch()

    def _touch(self):
        self._v_stamp = object()
        self._p_changed = True

    def _p_resolveConflict(self, old, saved, new):
        """Merge by key: what was sealed by one and changed by the other stays."""
        old, saved, new = (
            pickle.loads(codec.decompress(blob)) for blob, in (old, saved, new))
        result = dict(saved[0])
        for key in old[0].keys() | new[0].keys():
            before = old[0].get(key, _MISSING)
            ours = new[0].get(key, _MISSING)
            if ours != before:
                merged = self._merged(
                    key, before, result.get(key, _MISSING), ours, old, saved, new)
                if merged is _MISSING:
                    del result[key]
                else:
                    result[key] = merged
        changed = (set(saved[1]) | set(new[1])) & result.keys()
        return _packed((result, tuple(changed), max(saved[2], new[2]),
                        {**saved[3], **new[3]}, saved[4]))

    def _merged(self, key, before, theirs, ours, old, saved, new):
        """Return what is to stand under a key that we have changed."""
        if ours is _MISSING and theirs not in (_MISSING, before):
            return theirs  # we sealed what they changed
        if theirs is _MISSING and ours is not _MISSING and (
                key not in new[1] or _as_before(key, before, old, saved)):
            return ours  # new, or they sealed what we changed
        if theirs == before is not _MISSING:
            return ours
        if self.sharing and theirs == ours is not _MISSING:
            return ours
        raise ConflictError


def check_of(key, record):
    """Return the checksum of a record and its key, a whole number."""
    return zlib.crc32(record, key % PRIME).to_bytes(codec.CHECKSUM, 'little')


def is_whole(key, record):
    """Tell whether the checksum of a record is that of its bytes and its key."""
    size = codec.CHECKSUM
    return record[-size:] == check_of(key, record[:-size])


def _packed(state):
    """Return a state as ZODB is to store it: bytes with a checksum."""
    return codec.stored(pickle.dumps(state, 5)),


def make(cls, form, count):
    """Return new pages; the form makes a name of the number of each."""
    return tuple(cls(form.format(number)) for number in range(count))


def expect(pages, form):
    """Note what the pages are called that were made with this form."""
    for number, page in enumerate(pages):
        damage.expect(page, Page, form, number)


def is_readable(page):
    """Tell whether a page can be loaded."""
    if page._p_changed is None:
        try:
            damage.check(page)
        except DamagedError:
            return False
    return True


def page_number(number, pages):
    """Return which of so many pages a number belongs to."""
    return number // PAGE_SIZE % pages


def past_hurt(pages, first, count):
    """Return the number after those of a hurt page that a range of numbers meets.

    None if it meets none, or if it is so long that it always would.
    """
    if count == 1 and pages[
            first // PAGE_SIZE % len(pages)]._p_changed is not None:
        return None  # by far the most frequent
    if count <= (len(pages) - 1) * PAGE_SIZE:
        for place in range(first // PAGE_SIZE, (first + count - 1) // PAGE_SIZE + 1):
            if not is_readable(pages[place % len(pages)]):
                return (place + 1) * PAGE_SIZE
    return None


def _as_before(key, before, old, saved):
    """Tell whether nobody can have changed the key before it was sealed."""
    first = old[2] + 1
    if first <= saved[2] - SEALS_KEPT:
        return False
    for n in range(first, saved[2] + 1):
        taken = saved[3].get(n, {})
        if taken is None or key in taken and not (
                n == first and before is not _MISSING
                and taken[key] == _digest(before)):
            return False
    return True


def _digest(record):
    """Return what tells a record from others: eight bytes, or None for None."""
    if record is None:
        return None
    if not isinstance(record, bytes):
        record = repr(record).encode()
    return blake2b(record, digest_size=8).digest()


class SharingPage(Page):
    """A page in which two writers may make the same new entry."""

    sharing = True
