"""What a storage is made of, and how its parts are reached."""

from persistent import Persistent

from trackstore import claim, damage, numbering, segments, tail
from trackstore.directory import Directory
from trackstore.exceptions import DamagedError, FormatError
from trackstore.run import RunTable
from trackstore.track import Track
from trackstore.view import View, prefetch

#: The version of the layout on disk.
FORMAT = 1

#: While a page is hurt, which may have the highest number, new numbers begin so much
#: above the highest that is known: further than what is being saved at a time.
UNKNOWN = 2 ** 20

#: The parts of a storage that are objects, beside the pages of its tail.
_PARTS = {'directory': Directory, 'runTable': RunTable, '_claim': claim.Claim,
          '_leases': numbering.Leases}


class Parts(Persistent):
    """The objects that a storage holds, checked when they are loaded."""

    trackFactory = Track

    def __init__(self, *args, trackFactory=None, **kw):
        super().__init__(*args, **kw)
        if trackFactory is not None:
            if not (isinstance(trackFactory, type)
                    and issubclass(trackFactory, Track)):
                raise TypeError(
                    f'trackFactory: {trackFactory!r} is no track class; '
                    f'allowed are Track and subclasses of it')
            self.trackFactory = trackFactory
        self.format = FORMAT
        self.indexAttributes = self._layout.indexed
        self.directory = Directory()
        self.directories = segments.make()
        self._pages = tail.make(tail.Page, tail.NAME, tail.PAGES)
        self.runTable = RunTable()
        self._leases = numbering.Leases()
        self._claim = claim.Claim()

    def __setstate__(self, state):
        if state.get('format', 0) > FORMAT:
            state = {'format': state['format']}  # the rest is not understood
        elif not {'directories', *_PARTS} <= state.keys():
            raise damage.error('the storage', damage.WRONG)
        super().__setstate__(state)
        for name, cls in _PARTS.items():
            if name in state:
                damage.expect(state[name], cls, name.strip('_'))
        if 'directory' in state:
            segments.expect(self, state['directory'], state['directories'])
        tail.expect(state.get('_pages', ()), tail.NAME)
        damage.distinct(self, state.get('_pages', ()))

    def __getattr__(self, name):
        # the ZODB asks an object without a state whether it resolves conflicts
        if not name.startswith(('__', '_p_')) and self.format > FORMAT:
            raise FormatError(
                f'format: the store has format {self.format!r}; this release '
                f'reads formats up to {FORMAT}: it takes a newer trackstore')
        raise AttributeError(
            f'{type(self).__name__!r} object has no attribute {name!r}')

    @property
    def _layout(self):
        factory = self.trackFactory
        if not issubclass(factory, Track):
            raise FormatError(
                f'trackFactory: the class of the tracks, {factory!r}, cannot be '
                f'imported; allowed are Track and subclasses that can')
        return factory._layout

    @property
    def _indexes(self):
        """The names that may be queried: those that the class still has."""
        layout = self._layout
        if self.indexAttributes == layout.indexed:
            return layout.indexed
        return tuple(name for name in self.indexAttributes if name in layout.place)

    def _understood(self):
        """Raise a ``FormatError`` if this release cannot read the store."""
        return self._indexes

    @property
    def _directory(self):
        """All directories together, a ``segments.Segments``."""
        found = self.__dict__.get('_v_segments')
        if found is None:
            self._p_activate()
            found = self._v_segments = segments.Segments(
                self.directory, self.directories)
        return found

    @property
    def _new_segments(self):
        """The directory to which this process adds new segments."""
        writer = None if self._p_jar is None else numbering.shared(self).writer
        return damage.loaded(
            self.directory if writer is None
            else self.directories[writer % len(self.directories)])

    @property
    def _runs(self):
        return damage.loaded(self.runTable)

    def _view(self):
        try:
            return self._present_view()
        except damage.ERRORS:
            for page in self._pages:
                damage.loaded(page)
            raise

    def _present_view(self):
        view = self.__dict__.get('_v_view')
        if view is None or view.layout is not self._layout or not view.current():
            view = self._v_view = View(self._directory, self._pages, self._layout)
        return view

    def _page(self, number):
        return damage.loaded(self._pages[tail.page_number(number, len(self._pages))])

    def _take_number(self, kind, count):
        if self._p_jar is None:
            return self._highest_number(kind) + 1
        numbers = numbering.shared(self).numberings[kind]
        pages = self._pages_of(kind)
        first = numbers.take(count, self)
        for _ in pages:
            past = tail.past_hurt(pages, first, count)
            if past is None:
                return first
            if past > first + count:  # the rest of a hurt page is left out
                numbers.take(past - first - count, self)
            first = numbers.take(count, self)
        raise next(_errors(pages))

    def _pages_of(self, kind):
        return self._pages if kind == 'tracks' else self._runs.pages

    def _has_number(self, kind, number):
        """Tell whether a number is taken, which one in a hurt page may be."""
        pages = self._pages_of(kind)
        page = pages[tail.page_number(number, len(pages))]
        try:
            if number in damage.loaded(page).records:
                return True
            if kind == 'runs':
                return self._runs.in_ledgers(number) is not None
        except DamagedError:
            return True
        # what is in the directory of another process is not in our lease
        return number <= max(damage.loaded(self.directory).last,
                             self._new_segments.last)

    def _highest_number(self, kind, leased=True):
        """Return the highest number that is taken, or that a hurt page may have.

        Without ``leased`` it may be without numbers that were taken out of leases.
        """
        pages = self._pages_of(kind)
        prefetch(pages)
        readable = list(filter(tail.is_readable, pages))
        if kind == 'runs':
            last = self._runs.last()
        else:
            directory = self._directory if leased else damage.loaded(self.directory)
            last = directory.last
        highest = max([last, *(max(page.records, default=0) for page in readable)])
        return highest if len(readable) == len(pages) else highest + UNKNOWN


def _errors(pages):
    """Yield an error for each of the pages that is hurt."""
    for page in pages:
        try:
            damage.loaded(page)
        except DamagedError as e:
            yield e
