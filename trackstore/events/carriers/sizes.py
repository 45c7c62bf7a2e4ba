"""About how many bytes of memory an event takes."""

#: What each value takes, and what an event takes beyond its values.
VALUE, EVENT = 60, 600


def size_of(event):
    """Return about how many bytes an event takes, at a small part of its cost."""
    size = EVENT
    for part in event.values():
        kind = type(part)
        if kind is dict:
            size += _size_of_dict(part)
        elif kind is str:
            size += len(part)
    return size


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
