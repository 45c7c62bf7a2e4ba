"""What a system has to do to take part."""


class System:
    """A place to save tracks in and to ask for them.

    An object stands for one folder and is used by one thread.  A *record* is
    a tuple ``(taskId, 0, userName, data, timeStamp)``: run 0 is the task's
    run, which the system starts when the task first comes.  Runs are counted
    from 1 in the order of starting, tracks from 1 in the order of saving.

    *Criteria* are a dictionary with any of ``taskId`` (a name or a list of
    names), ``runId``, ``userName`` (a name, or with ``*`` at the end all that
    begin so), ``timeFrom`` and ``timeTo`` (both inclusive).
    """

    name = ''
    #: How the system is set up, for the report.
    setup = ''
    #: The packages whose versions belong in the report.
    packages = ()

    def __init__(self, folder):
        self.folder = folder

    def open(self):
        """Open the store in the folder, or make it."""
        raise NotImplementedError

    def close(self):
        """Close it, so that another process can open it."""
        raise NotImplementedError

    def save(self, records):
        """Save a list of records and commit."""
        raise NotImplementedError

    def save_one(self, record):
        """Save one record and commit."""
        raise NotImplementedError

    def compact(self):
        """Bring the store to the smallest size that it comes to by itself."""
        raise NotImplementedError

    def refresh(self):
        """Begin a new transaction, as the next request would."""

    # asking

    def tracks(self, criteria):
        """Return a list of what the system gives for tracks, data included.

        They come in the order of saving.
        """
        raise NotImplementedError

    def last(self, criteria):
        """Return the track with the highest time stamp, or None."""
        raise NotImplementedError

    def count(self, criteria):
        """Return the number of tracks."""
        raise NotImplementedError

    def group(self, criteria):
        """Return ``{user: (count, first time, last time)}``."""
        raise NotImplementedError

    def distinct(self, criteria):
        """Return the sorted list of users."""
        raise NotImplementedError

    def plain(self, track):
        """Return ``(number, taskId, runId, userName, timeStamp, data)``.

        Takes what ``tracks`` or ``last`` gave; not part of what is timed.
        """
        raise NotImplementedError
