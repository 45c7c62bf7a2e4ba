"""Stores of which a page of the tail or of the runs is hurt."""

from contextlib import contextmanager

import transaction
from ZODB.FileStorage import FileStorage

from trackstore import tail
from trackstore.tests.hurting import Hurt, place_of

#: What is in the bytes of the n-th track.
TEXT = 'track number {:04}'


def save(tracks, count):
    """Save tracks one by one, in a commit each."""
    for n in range(1, count + 1):
        tracks.saveUserTrack('t', 0, 'ann', {'text': TEXT.format(n)}, timeStamp=n)
        transaction.commit()


def texts(tracks):
    return {int(track.__name__): track.data['text'][-4:] for track in tracks.values()}


@contextmanager
def hurt(path, *places):
    with Hurt(path, path.read_bytes(), *places) as tracks:
        yield tracks


def hurt_track(path, oids, number, n=None):
    """Return the place of a byte in the record of a track in the tail, the n-th one."""
    return place_of(path, oids['tail'][tail.page_number(number, tail.PAGES)],
                    TEXT.format(n or number).encode())


def stored(path, oid):
    storage = FileStorage(str(path), read_only=True)
    try:
        return storage.load(oid)[0]
    finally:
        storage.close()
