"""Events as JSON, for all backends that send them outward or write them down."""

import json

from trackstore.events.event import Event, new_id
from trackstore.jsonsafe import json_safe

#: What has all of these is an event of the pipeline.  Anything else is a statement
#: that a transformer has made for somebody, and goes out as it stands.
KEYS = ('name', 'timestamp', 'context')


def is_event(event):
    """Tell whether a mapping is an event, not a statement made of one."""
    return all(key in event for key in KEYS)


def id_of(event):
    """Return the id of an event, or of a statement that was made of one.

    Of a mapping that is no ``Event`` it is what stands under ``id``, else a new one.
    """
    if type(event) is Event:
        return event.id
    id = event.get('id')
    return id if isinstance(id, str) and id else new_id()


def wire_form(event):
    """Return an event as a dictionary of what JSON has.

    It begins with the event's id under ``id``, unless the event has such a key.  A
    statement gets nothing added.  No text is cut.
    """
    form = json_safe(dict(event), text_limit=None)
    if 'id' not in form and is_event(event):
        form = {'id': id_of(event), **form}
    return form


def wire_text(event, ascii=False):
    """Return an event as JSON on one line; ``ascii`` escapes all other characters."""
    return json.dumps(wire_form(event), ensure_ascii=ascii, allow_nan=False,
                      separators=(',', ':'))
