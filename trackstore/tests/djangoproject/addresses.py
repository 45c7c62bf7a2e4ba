"""Addresses through proxies; run by ``test_django``."""

import pytest

from trackstore.django.address import Proxies
from trackstore.events.exceptions import ConfigurationError

TRUSTED = ['10.0.0.0/8', '::1', '2001:db8::/32']


@pytest.mark.parametrize('remote, forwarded, found', [
    ('192.0.2.7', None, '192.0.2.7'),
    ('192.0.2.7', '198.51.100.1', '192.0.2.7'),         # anybody may say it
    ('10.0.0.1', None, '10.0.0.1'),
    ('10.0.0.1', '', '10.0.0.1'),
    ('10.0.0.1', '198.51.100.1', '198.51.100.1'),
    ('10.0.0.1', '1.1.1.1, 198.51.100.1', '198.51.100.1'),      # the first is made up
    ('10.0.0.1', '1.1.1.1,198.51.100.1 , 10.9.9.9', '198.51.100.1'),
    ('10.0.0.1', '10.1.1.1, 10.2.2.2', '10.1.1.1'),
    ('10.0.0.1', '1.1.1.1, unknown, 10.2.2.2', '10.2.2.2'),
    ('10.0.0.1', '198.51.100.1:4711', '198.51.100.1'),
    ('::1', '[2001:db9::1]:4711', '2001:db9::1'),
    ('::1', '2001:db9::1', '2001:db9::1'),
    ('2001:db8::5', '::ffff:198.51.100.1', '198.51.100.1'),
    ('::ffff:10.0.0.1', '198.51.100.1', '198.51.100.1'),
    ('', '198.51.100.1', None),                         # a Unix socket, not trusted
    (None, '198.51.100.1', None),
    ('somewhere', '198.51.100.1', 'somewhere'),
])
def test_addresses(remote, forwarded, found):
    meta = {'REMOTE_ADDR': remote, 'HTTP_X_FORWARDED_FOR': forwarded}
    meta = {key: value for key, value in meta.items() if value is not None}
    assert Proxies(TRUSTED).address(meta) == found


def test_a_proxy_at_a_unix_socket():
    proxies = Proxies(['unix', '10.0.0.1'])
    forwarded = {'HTTP_X_FORWARDED_FOR': '198.51.100.1, 10.0.0.1'}
    assert proxies.address({'REMOTE_ADDR': '', **forwarded}) == '198.51.100.1'
    assert proxies.address({'REMOTE_ADDR': ''}) is None
    assert proxies.address({'REMOTE_ADDR': '192.0.2.7', **forwarded}) == '192.0.2.7'


@pytest.mark.parametrize('trusted, message', [
    ('10.0.0.1', "^trusted: '10.0.0.1' is no list; wanted are addresses and networks"),
    (['10.0.0.1', 'proxy'], "^trusted: 'proxy' does not appear to be .*; allowed are "),
    ([17.5], '^trusted: .*; allowed are addresses, networks like'),
])
def test_what_may_be_trusted(trusted, message):
    with pytest.raises(ConfigurationError, match=message):
        Proxies(trusted)
