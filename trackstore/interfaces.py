"""The contracts of the store.

Everything else in the package is written against these interfaces.  The
arguments and the errors named here are part of the contract; how tracks lie
on disk is not.

*Time stamps* are seconds since the epoch (UTC), ``int`` or ``float``.

*Index values* (tasks, users, and the values of further indexes) are ``None``,
``bool``, ``int``, ``float``, ``str``, ``bytes``, ``datetime.date`` or
``datetime.datetime``, in any mixture.  As in any mapping of Python, values
that compare equal (``1``, ``1.0``, ``True``) are one value to a query, while
each track gives back the value that it was saved with.

*Track ids* are the track's number with at least seven digits, ``'0000001'``.
"""

from zope.interface import Attribute, Interface


class IRun(Interface):
    """A sitting, session or attempt: what the tracks of a run share.

    A run is a handle on what the storage holds: setting ``start``, ``end`` or
    ``finished`` is written through and takes part in the transaction.
    """

    id = Attribute("The run's number, an ``int`` that is unique in its storage.")
    taskId = Attribute("The task that the run was started for, or None.")
    start = Attribute("The time stamp of the run's start.")
    end = Attribute(
        "The time stamp of stopping the run, or of a later track that was saved "
        "to it; before it was stopped, of its last track.")
    finished = Attribute(
        "True once the run has been stopped with ``finish=True``.")


class ITrack(Interface):
    """One thing that somebody did: a mapping with metadata.

    A track is a handle: it reads its values through its storage, so that it is
    never stale after a commit, an abort or a change by another client, and
    over one connection there is one handle for a track at a time.

    Assigning to a metadata attribute, to ``data``, to ``data[key]`` or to any
    other attribute is written through, indexes included.  After the track has
    been removed, reading from the handle is a ``KeyError``.
    """

    metadata_attributes = Attribute(
        "Class attribute: the names of the metadata, as a tuple.")
    index_attributes = Attribute(
        "Class attribute: the names that have an index, as a tuple: metadata "
        "attributes, keys of ``data``, or properties of the class.")
    typeName = Attribute("Class attribute: the name that ``repr()`` shows.")

    taskId = Attribute("What the track is about.")
    runId = Attribute("The number of the run that the track belongs to.")
    userName = Attribute("Who did it.")
    timeStamp = Attribute("When: seconds since the epoch, int or float.")

    data = Attribute(
        "A ``dict``.  Setting and deleting its keys is written through; a "
        "change inside a nested value is not, until the key is set again.")
    metadata = Attribute("A new dictionary of the metadata attributes.")
    indexdata = Attribute("A new dictionary of the indexed values.")

    name = Attribute("The track's id.")
    __name__ = Attribute("The track's id.")
    __parent__ = Attribute("The storage.")

    def update(newData, overwrite=False):
        """Merge ``newData`` into the data and renew the time stamp.

        With ``overwrite=True`` the data are replaced.  Empty ``newData``
        change nothing, the time stamp neither.
        """


class ITracks(Interface):
    """What a query answers: a lazy sequence of tracks.

    Its length is known without loading a track; an index or a slice loads
    what it gives.  It shows the tracks that there were when the query was
    asked, and prints, compares and slices as a list does.
    """

    numbers = Attribute("The numbers of the tracks, a sequence of ``int``.")
    ids = Attribute("The ids of the tracks, a lazy sequence of ``str``.")

    def __len__():
        """Return the number of tracks."""

    def __iter__():
        """Yield the tracks in order."""

    def __getitem__(index):
        """Return a track, or for a slice a lazy sequence."""


class ITrackingStorage(Interface):
    """A storage for tracks: a persistent object in any ZODB.

    It is also a container of its tracks: a mapping from ids to tracks, in
    numeric order.

    Everything takes part in the current transaction of its connection, except
    ``compact`` and ``repair``, which have transactions of their own.

    Stored bytes that are not what was written are a ``DamagedError``, whatever
    reads them.  It names what is hurt in ``where``, and the lowest and highest
    number of the tracks in it in ``first`` and ``last`` (None if not known).
    ``query(after=error.last)`` finds those that come after, and
    ``query(after=error.first, reverse=True)`` those that come before.
    """

    trackFactory = Attribute(
        "The class of the tracks, ``Track`` or a subclass of it, given to the "
        "constructor as ``trackFactory=``.")
    indexAttributes = Attribute(
        "The names that may be queried, as a tuple.")
    runs = Attribute(
        "A mapping from number to run of the runs that are not finished.")
    finishedRuns = Attribute(
        "A mapping from number to run of the finished runs.")
    currentRuns = Attribute(
        "A mapping from each task that has a current run to its number.")

    # runs

    def startRun(taskId=None, timeStamp=None):
        """Start a run and return its number.

        With a task, the new run becomes the task's current run.  The run
        starts at ``timeStamp``, by default now.
        """

    def stopRun(taskId=None, runId=0, finish=True, timeStamp=None):
        """Stop a run, by default the task's current one, and return its number.

        The run is marked as finished unless ``finish`` is false, it ends at
        ``timeStamp`` (now), and it is no longer the current run of the task.
        Returns 0 when there is no such run.
        """

    def getRun(taskId=None, runId=0):
        """Return the run of that number, or the task's current one, or None."""

    # saving

    def saveUserTrack(taskId, runId, userName, data, update=False,
                      timeStamp=None, overwrite=False):
        """Save a track and return its id.

        Run 0 is the task's current run, which is started if there is none;
        any other run must exist, or it is a ``ValueError``.

        ``data`` is a mapping of anything that pickles; a value that does not
        is a ``TypeError`` that names its key.

        With ``update=True`` the data are merged into the last track of the
        same task, run and user (``overwrite=True`` replaces them), its time
        stamp is renewed, and its id is returned; without such a track a new
        one is saved.
        """

    def saveTracks(records):
        """Save the tracks of an iterable of any length; return their ids.

        A record is a tuple ``(taskId, runId, userName, data)`` or ``(taskId,
        runId, userName, data, timeStamp)``, or a mapping with these names, of
        which ``runId`` and ``timeStamp`` may be left out.  The ids are a lazy
        sequence, which does not hold them as strings.

        Memory stays bounded: a long iterable is written in parts, through
        savepoints of the current transaction.  An error in a record names its
        place in the iterable; abort the transaction to drop what came before.
        """

    def updateTrack(track, data, overwrite=False):
        """Merge ``data`` into the track, renew its time stamp, return its id."""

    def setTrackData(track, data):
        """Replace the data of the track; its time stamp stays as it is."""

    def removeTrack(track):
        """Remove the track; nothing happens when it is gone already."""

    def removeTracks(**criteria):
        """Remove the tracks that a query with these criteria finds.

        Returns how many were removed.  There must be a criterion.
        """

    # asking

    def query(**criteria):
        """Return the tracks for which all criteria hold, in numeric order.

        For each index (``indexAttributes``) a criterion is a value; a ``str``
        that ends in ``*``, for all that begin so; a list, tuple or set of
        these, for any of them; or one of ``Between(low, high)``, ``Not(...)``,
        ``Prefix(text)`` and ``Equal(value)`` of ``trackstore.criteria``.
        ``runId=None`` is no criterion.

        timeFrom, timeTo
            the lowest and highest time stamp, both inclusive
        timeFromTo
            both as a pair
        limit
            how many tracks at the most
        reverse
            true for the highest numbers first
        after
            an id or number: only the tracks that come after it in that order

        A name that is none of these is a ``TypeError`` that lists them.
        """

    def count(**criteria):
        """Return the number of tracks for which all criteria hold.

        This and the other aggregates take the criteria of ``query`` but
        ``limit``, ``reverse`` and ``after``.
        """

    def distinct(attribute, **criteria):
        """Return the sorted list of the values of an index in these tracks."""

    def groupBy(attribute, of=None, **criteria):
        """Return a dictionary from each value of an index to its ``Group``.

        A group has ``count``, ``first`` and ``last`` (time stamps) and, for
        the numbers under the key ``of`` in the tracks' data, ``sum``,
        ``mean``, ``minimum`` and ``maximum``; the latter four are None where
        no track has a number there.  Numbers are ints, floats and Decimals,
        but not NaN or truth values.  A sum that has a float is a float, else
        one that has a Decimal is a Decimal; what is too large for a float is
        infinite.  The keys are sorted.
        """

    def histogram(interval='day', timeZone='UTC', **criteria):
        """Return a list of ``Bucket(start, end, count)`` over time.

        ``interval`` is 'minute', 'hour', 'day', 'week' (from Monday), 'month',
        'year' or a number of seconds.  Days and longer follow the calendar of
        the named time zone, across changes of its clock.  ``start`` and
        ``end`` are aware datetimes in that zone; a track counts where ``start
        <= time < end``.  Empty buckets between full ones are included.
        """

    def getUserTracks(taskId, runId, userName):
        """Return the tracks of a task, run and user, as ``query`` does.

        Run 0 is the task's current run; without one the answer is empty.
        """

    def getLastUserTrack(taskId, runId, userName):
        """Return the track with the highest time stamp, or None.

        Of tracks with the same time stamp it is that with the highest number.
        """

    def getUserNames(taskId):
        """Return the sorted list of users that have tracks for the task."""

    def getTaskIds():
        """Return the sorted list of tasks that have tracks."""

    # upkeep

    def idFromNum(num):
        """Return the id of the track of that number."""

    def indexTrack(trackNum, track, idx=None):
        """Bring the indexes (or the index ``idx``) up to date for a track.

        Needed only where an indexed property of a track's class depends on
        something outside of the track.  ``trackNum`` 0 is the track's own.
        """

    def reindexTracks():
        """Build all indexes anew from the tracks."""

    def setupIndexes():
        """Build the indexes anew if the class has gained or lost some."""

    def compact(progress=None):
        """Merge segments, and fold in what was changed or removed.

        Works in transactions of its own and beside writers: where it collides
        with one, it is the merge that is tried again.  ``progress(done,
        total)`` is called with numbers of tracks.  Returns the number of
        segments there are then.

        The connection sees the new segments at once if its transaction has no
        changes, and else with its next transaction.
        """

    def verify(progress=None):
        """Compare every index and segment with the tracks.

        Returns a list of sentences, one for each thing that is wrong: empty
        when all is well.  Damaged bytes are such a thing, and no error: each
        segment, block, page of an index or of the tail, and part of the runs that
        is damaged is named, and the rest is gone through all the same.  Memory
        is bounded: some dozens of bytes for each track of the largest segment.
        """

    def repair(progress=None):
        """Make anew what ``verify`` finds wrong, and keep what is whole.

        The indexes and times of segments, the directory and its entries, the
        ledgers of runs and the current runs follow from something else.  Of a
        damaged page of the tail, and of pages and leaves of runs, each record
        that is whole is kept, or that of the storage's revision before, and a
        run is made anew as its tracks tell; the numbers that are lost are told.
        Which tracks of a segment were removed may be lost, too: they are there
        again.  Tracks in a damaged block are left where they are.

        Works in transactions of its own and beside writers, as ``compact``
        does.  Returns a pair of lists of sentences, ``repaired`` and
        ``problems``: what was made anew, and what is wrong still.
        """

    def info():
        """Return a dictionary that describes the storage.

        ``tracks``, ``first`` and ``last`` (time stamps or None), ``segments``,
        ``tail`` (tracks not yet in a segment), ``changes`` (changed or removed
        tracks not yet folded in), ``runs``, ``format``, ``indexes``.
        """

    # container

    def __getitem__(trackId):
        """Return the track of that id; a ``KeyError`` when there is none."""

    def get(trackId, default=None):
        """Return the track of that id, or the default."""

    def __contains__(trackId):
        """Tell whether there is a track of that id."""

    def __len__():
        """Return the number of tracks, without loading them."""

    def __iter__():
        """Yield the ids in numeric order."""

    def keys():
        """Return the ids, a lazy sequence."""

    def values():
        """Return the tracks, a lazy sequence."""

    def items():
        """Yield pairs of id and track."""

    def __delitem__(trackId):
        """Remove the track of that id; a ``KeyError`` when there is none."""
