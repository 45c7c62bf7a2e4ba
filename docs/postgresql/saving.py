"""Save a track once, whatever happens to the server meanwhile."""

import time
from contextlib import suppress

import psycopg2
from ZODB.POSException import ConflictError

import trackstore

#: A conflict, or a server that is gone or not there yet.
TRY_AGAIN = (ConflictError, psycopg2.OperationalError, psycopg2.InterfaceError)


class Step(trackstore.Track):
    """A track with a mark of its own."""

    index_attributes = (*trackstore.Track.index_attributes, 'mark')


def save_once(tracks, mark, task, user, data, seconds=60):
    """Save a track unless it is there; try for so many seconds."""
    manager = tracks._p_jar.transaction_manager
    end = time.monotonic() + seconds
    while True:
        try:
            manager.begin()
            if not tracks.count(mark=mark):
                tracks.saveUserTrack(task, 0, user, {**data, 'mark': mark})
                manager.commit()
            return
        except TRY_AGAIN:
            with suppress(*TRY_AGAIN):
                manager.abort()
            if time.monotonic() > end:
                raise
            time.sleep(0.2)
