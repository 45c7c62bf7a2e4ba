"""Events as lines of a file, each with a checksum.

A line is a checksum in hexadecimal, a number in hexadecimal and JSON, with a space
between each.  Of what is not written whole, or is hurt, the checksum tells.
"""

import datetime
import json
import logging
import zlib

from trackstore.events.event import event_of
from trackstore.events.plain import plain_events
from trackstore.events.slowlog import SlowLog
from trackstore.export.values import json_of, original
from trackstore.jsonsafe import json_safe

_SIMPLE = frozenset((str, int, float, bool, type(None)))
_encode = json.JSONEncoder(check_circular=False, allow_nan=False).encode

log = logging.getLogger(__name__)
_slow = SlowLog(log)


def line_of(number, text):
    """Return JSON (``bytes``), with a number, as a line."""
    text = b'%x %b' % (number, text)
    return b'%08x %b\n' % (zlib.crc32(text), text)


def value_of(line):
    """Return number and value of a line, or None where it is hurt."""
    try:
        if int(line[:8], 16) != zlib.crc32(line[9:-1]):
            return None
        number, _, text = line[9:-1].partition(b' ')
        return int(number, 16), original(json.loads(text))
    except (ValueError, TypeError, RecursionError):
        return None


def json_of_event(event):
    """Return an event as JSON (``bytes``); JSON or text is in the place of objects."""
    event = event_of(event)
    text = _quickly(event)
    if text is not None:
        return text
    event, = plain_events([event])
    try:
        return json_of({'id': event.id, 'event': dict(event)}).encode()
    except Exception as error:
        _slow.warning('event %r has values that no file takes as they are: %s',
                      event.get('name'), error)
    safe = json_safe(dict(event), text_limit=None)
    if type(event.get('timestamp')) is datetime.datetime:
        safe['timestamp'] = event['timestamp']
    return json_of({'id': event.id, 'event': safe}).encode()


def _quickly(event):
    """Return what ``json_of`` would where nothing but the time needs another form.

    None where something else does; this is most of what a spill costs.
    """
    moment = event.get('timestamp')
    if type(moment) is not datetime.datetime or moment.fold:
        return None
    whole = dict(event)
    whole['timestamp'] = None
    if not _is_json(whole):
        return None
    whole['timestamp'] = {'$datetime': moment.isoformat()}
    try:
        return _encode({'id': event.id, 'event': whole}).encode('ascii')
    except ValueError:  # numbers that are none, or have too many digits
        return None


def _is_json(value):
    """Tell whether a dictionary is the same after it has been JSON."""
    for key in value:
        if type(key) is not str or key[:1] == '$':
            return False
    return _are_json(value.values())


def _are_json(parts):
    for part in parts:
        kind = type(part)
        if kind not in _SIMPLE and not (
                kind is dict and _is_json(part) or kind is list and _are_json(part)):
            return False
    return True


def event_in(value):
    """Return the event of the value of a line."""
    return event_of(value['event'], value['id'])
