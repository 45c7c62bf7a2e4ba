"""The view: what a storage holds, as one connection sees it now."""

from bisect import bisect_left, bisect_right

from trackstore.record import Single, TailPart

_NOTHING = frozenset()


class View:
    """The segments and the parts of the tail, and what hides what.

    A track of the tail overrides the one of that number in a segment.  A view
    is current until something changes in the directory or in the tail.
    """

    def __init__(self, directory, pages, layout):
        self.directory = directory
        self.pages = pages
        self.layout = layout
        self.directory_stamps = directory.stamps()
        prefetch(pages)
        self.parts = [_part(page, layout) for page in pages]
        self.entries = directory.in_order()
        last = directory.last
        self.masked = sorted(
            number for part in self.parts
            if part.all_numbers and part.all_numbers[0] <= last
            for number in part.all_numbers if number <= last)
        self._hidden = {}

    def current(self):
        """Tell whether this is still what the storage holds."""
        if self.directory.stamps() != self.directory_stamps:
            return False
        return all(page._v_stamp is part.stamp
                   for page, part in zip(self.pages, self.parts, strict=True))

    def hidden(self, key, entry):
        """Return the positions of a segment that are removed or overridden."""
        hidden = self._hidden.get(key)
        if hidden is None:
            hidden = _NOTHING
            if self.masked:
                hidden = frozenset(positions_of(self.masked, entry))
            if entry.dead is not None:
                hidden = hidden.union(entry.dead)
            self._hidden[key] = hidden
        return hidden

    def __len__(self):
        total = sum(len(part) for part in self.parts)
        for key, entry in self.entries:
            total += entry.count - (
                len(self.hidden(key, entry)) if self.masked else entry.buried)
        return total


def prefetch(objects):
    """Ask a server for these objects at once, as far as they are not loaded."""
    ghosts = [each for each in objects if each._p_changed is None]
    if len(ghosts) > 1:
        ghosts[0]._p_jar.prefetch(ghosts)


def positions_of(numbers, entry):
    """Yield the positions in a segment of those of the sorted numbers it has."""
    start = bisect_left(numbers, entry.first)
    for number in numbers[start:bisect_right(numbers, entry.last)]:
        position = entry.segment.position_of(number)
        if position is not None:
            yield position


def locate(directory, page, layout, number):
    """Return where a track is, or None if it is nowhere.

    That is the source, which is a block or the record in the tail, the position in
    it, and the segment or None.
    """
    if number in page.records:
        record = page.records[number]
        return None if record is None else (Single(layout, record), 0, None)
    for _, entry in directory.in_order():
        if entry.first <= number <= entry.last:
            position = entry.segment.position_of(number)
            if position is not None and not (
                    entry.dead is not None and position in entry.dead):
                return *entry.segment.place(position), entry.part
    return None


def _part(page, layout):
    stamp = page._v_stamp
    part = page.__dict__.get('_v_part')
    if part is None or part.stamp is not stamp or part.layout is not layout:
        part = page._v_part = TailPart(page, layout)
    return part
