"""Options of the processors of fields: those of a file, and those refused."""

import re

import pytest

from trackstore.events import tracker_from
from trackstore.events.exceptions import ConfigurationError
from trackstore.events.processors.fields import (
    DropFields,
    HashFields,
    MaskFields,
    RenameFields,
    SetFields,
)

SECRET = 'a secret of the shop'
PROCESSORS = 'trackstore.events.processors.fields'


def test_in_a_configuration(monkeypatch):
    monkeypatch.setenv('SHOP_KEY', SECRET)
    tracker = tracker_from({
        'backends': {'memory': {
            'ENGINE': 'trackstore.events.backends.memory.MemoryBackend'}},
        'processors': [
            {'ENGINE': f'{PROCESSORS}.{name}', 'OPTIONS': options}
            for name, options in (
                ('RenameFields', {'fields': {'data.mail': 'data.email'}}),
                ('HashFields', {'fields': ['data.email'], 'key_variable': 'SHOP_KEY'}),
                ('DropFields', {'fields': ['data.card']}),
                ('MaskFields', {'fields': ['data.phone'], 'mask': 'gone'}),
                ('SetFields', {'fields': {'data.site': 'shop'}}))]})
    tracker.emit('x', {'mail': 'ann', 'card': 17, 'phone': 12})
    assert tracker.get_backend('memory').events[0]['data'] == {
        'email': HashFields(['data'], SECRET).pseudonym('ann'), 'phone': 'gone',
        'site': 'shop'}


@pytest.mark.parametrize('make, message', [
    (lambda: MaskFields('data.email'),
     "fields: 'data.email' is no list of texts; wanted is one like "
     "['context.user.email', 'data.items.*.card']"),
    (lambda: MaskFields([]), 'fields: no path is given; wanted is at least one'),
    (lambda: MaskFields([17]), 'fields: 17 is no text; wanted is a list like'),
    (lambda: DropFields(['data..email']),
     "fields: 'data..email' is no path of a field"),
    (lambda: DropFields(['data.**.email']),
     "fields: 'data.**.email' has '**'; an asterisk stands for a whole key, as in "
     "'data.items.*.card'"),
    (lambda: MaskFields(['data.mail'], mask=None),
     'mask: None is no text; wanted is one'),
    (lambda: HashFields(['data.mail']),
     'key, key_variable: none given; exactly one is wanted'),
    (lambda: HashFields(['data.mail'], SECRET, 'SHOP_KEY'),
     'key, key_variable: both given; exactly one is wanted'),
    (lambda: HashFields(['data.mail'], key_variable='SHOP_NO_KEY'),
     "key_variable: 'SHOP_NO_KEY' is no environment variable that is set"),
    (lambda: HashFields(['data.mail'], key=17), 'key: wanted is a text or bytes'),
    (lambda: HashFields(['data.mail'], key='tiny'),
     'key: has 4 bytes; wanted are at least 16, as secrets.token_hex() makes them'),
    (lambda: HashFields(['data.mail'], SECRET, length=8),
     'length: 8 is no number of digits; allowed are whole numbers from 16 to 64'),
    (lambda: HashFields(['data.mail'], SECRET, length='32'),
     "length: '32' is no number of digits"),
    (lambda: RenameFields(['data.a']),
     "fields: ['data.a'] is no mapping of paths; wanted is one like "
     "{'context.site': ...}"),
    (lambda: RenameFields({}), 'fields: {} is no mapping of paths'),
    (lambda: RenameFields({'data.a': 'data.a'}),
     "fields: 'data.a' is renamed to itself; wanted is another path"),
    (lambda: RenameFields({'data.a': 17}), 'fields: 17 is no path of a field'),
    (lambda: RenameFields({'data.*': 'data.b'}),
     "fields: 'data.b' cannot be the new path of 'data.*'; wanted is one without an "
     'asterisk, or one that differs in its last key'),
    (lambda: RenameFields({'data.*.a': 'context.*.a'}),
     "fields: 'context.*.a' cannot be the new path of 'data.*.a'"),
    (lambda: SetFields({'data.a': 1}, overwrite='False'),
     "overwrite: 'False' is no flag; allowed are True and False"),
    (lambda: SetFields({'data.*.a': 1}),
     "fields: 'data.*.a' has an asterisk; wanted is the path of one field, like "
     "'context.site'"),
])
def test_options_that_are_refused(make, message):
    with pytest.raises(ConfigurationError, match=f'^{re.escape(message)}'):
        make()


def test_a_key_is_shown_nowhere(monkeypatch):
    monkeypatch.setenv('SHOP_KEY', 'tiny')
    with pytest.raises(ConfigurationError) as caught:
        HashFields(['data.mail'], key_variable='SHOP_KEY')
    assert str(caught.value).startswith("key_variable: 'SHOP_KEY': has 4 bytes")
    assert 'tiny' not in str(caught.value)
    assert SECRET not in repr(HashFields(['data.mail'], SECRET))
