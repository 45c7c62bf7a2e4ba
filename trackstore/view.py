"""The view: what a storage holds, as one connection sees it now."""

from trackstore import tail
from trackstore.record import TailPart

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
        self.directory_stamp = directory._v_stamp
        self.parts = [_part(page, layout) for page in pages]
        self.entries = directory.in_order()
        self.masked = [
            number for part in self.parts
            if part.all_numbers and part.all_numbers[0] <= directory.last
            for number in part.all_numbers if number <= directory.last]
        self._hidden = {}
        self.known = {}  # values of indexes that are shared

    def current(self):
        """Tell whether this is still what the storage holds."""
        if self.directory._v_stamp is not self.directory_stamp:
            return False
        return all(page._v_stamp is part.stamp
                   for page, part in zip(self.pages, self.parts, strict=True))

    def hidden(self, key, entry):
        """Return the positions of a segment that are removed or overridden."""
        hidden = self._hidden.get(key)
        if hidden is None:
            hidden = _NOTHING
            if self.masked:
                found = self._masked_in(entry)
                hidden = frozenset(found)
            if entry.dead is not None:
                hidden = hidden.union(entry.dead)
            self._hidden[key] = hidden
        return hidden

    def _masked_in(self, entry):
        for number in self.masked:
            if entry.first <= number <= entry.last:
                position = entry.segment.position_of(number)
                if position is not None:
                    yield position

    def __len__(self):
        total = sum(len(part) for part in self.parts)
        for key, entry in self.entries:
            total += entry.count - (
                len(self.hidden(key, entry)) if self.masked else entry.buried)
        return total

    def locate(self, number):
        """Return the block or part and the position in it of a track, or None."""
        part = self.parts[page_number(number, len(self.pages))]
        if number in part.places:
            position = part.places[number]
            return None if position is None else (part, position)
        for _, entry in self.entries:
            if entry.first <= number <= entry.last:
                position = entry.segment.position_of(number)
                if position is not None and not self._is_dead(entry, position):
                    return entry.segment.place(position)
        return None

    def _is_dead(self, entry, position):
        return entry.dead is not None and position in entry.dead


def _part(page, layout):
    stamp = page._v_stamp
    part = page.__dict__.get('_v_part')
    if part is None or part.stamp is not stamp or part.layout is not layout:
        part = page._v_part = TailPart(page, layout)
    return part


def page_number(number, pages):
    """Return which page of the tail a number belongs to."""
    return number // tail.PAGE_SIZE % pages
