"""What a request has in it: the text of events, and the media type that tells what
it is.

What a transformer has made of events decides.  It is known by its content, so it may
have been to a disk or another process in between.
"""

import json

from trackstore.events.wire import wire_form, wire_text

JSON = 'application/json'
LINES = 'application/x-ndjson'
CLOUD_EVENT = 'application/cloudevents+json'
CLOUD_EVENTS = 'application/cloudevents-batch+json'

#: What every CloudEvent has, and no event of the pipeline.
OF_CLOUD_EVENTS = frozenset(('specversion', 'id', 'source', 'type'))

#: What an envelope of Caliper has, and nothing else.
OF_ENVELOPES = frozenset(('sensor', 'sendTime', 'dataVersion', 'data'))


def one(event):
    """Return the text of a request with one event, and its media type."""
    return wire_text(event), CLOUD_EVENT if _is_cloud_event(event) else JSON


def array(events):
    """Return the text of a request with events as an array, and its media type.

    Envelopes of Caliper from one sensor become one envelope with all that is in them,
    as endpoints take one a request.
    """
    forms = [wire_form(event) for event in events]
    if all(map(_is_cloud_event, events)):
        return _text(forms), CLOUD_EVENTS
    if all(map(_is_envelope, forms)) and (
            len({(form['sensor'], form['dataVersion']) for form in forms}) == 1):
        data = [part for form in forms for part in form['data']]
        return _text({**forms[-1], 'data': data}), JSON
    return _text(forms), JSON


def lines(events):
    """Return the text of a request with an event a line, and its media type."""
    return ''.join(wire_text(event) + '\n' for event in events), LINES


def _is_cloud_event(event):
    return event.keys() >= OF_CLOUD_EVENTS


def _is_envelope(form):
    return form.keys() == OF_ENVELOPES and isinstance(form['data'], list) and (
        isinstance(form['sensor'], str) and isinstance(form['dataVersion'], str))


def _text(value):
    return json.dumps(value, ensure_ascii=False, allow_nan=False,
                      separators=(',', ':'))
