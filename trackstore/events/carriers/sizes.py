"""About how many bytes of memory an event takes."""

#: What each value takes, and what an event takes beyond its values.
VALUE, EVENT = 60, 600


def size_of(event):
    """Return about how many bytes an event takes, at a small part of its cost.

    The values of its context are shared with other events, so these do not count.
    Statements have all in keys of their own.
    """
    data = event.get('data')
    if type(data) is dict:
        return EVENT + VALUE * len(event.get('context') or ()) + _size_of_dict(data)
    return EVENT + _size_of_dict(event)


def _size_of_dict(value):
    size = VALUE + VALUE * len(value)
    for part in value.values():
        kind = type(part)
        if kind is str:
            size += len(part)
        elif kind in _SIZES:
            size += _SIZES[kind](part)
    return size


def _size_of_list(value):
    size = VALUE + VALUE * len(value)
    for part in value:
        kind = type(part)
        if kind is str:
            size += len(part)
        elif kind in _SIZES:
            size += _SIZES[kind](part)
    return size


_SIZES = {dict: _size_of_dict, list: _size_of_list, tuple: _size_of_list,
          set: _size_of_list, frozenset: _size_of_list, bytes: len, bytearray: len}
