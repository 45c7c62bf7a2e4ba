"""Access logs: what a line becomes."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trackstore.importers import accesslog
from trackstore.importers.accesslog import AccessLog, readable, unescaped
from trackstore.importers.source import Block
from trackstore.tests.importers.lines import NOON, log_line, parsed

START = b'10.0.0.1 - - [21/Nov/2026:13:00:00 +0100] '
END = b' 200 17 "-" "-"'


@pytest.mark.parametrize(('line', 'task', 'user', 'data'), [
    (START + b'"GET / HTTP/1.0" 200 17', '/', '10.0.0.1',
     {'method': 'GET', 'status': 200, 'bytes': 17}),
    (START + b'"GET /a?b=c?d HTTP/1.1" 304 - "http://x/" "Me/1"', '/a', '10.0.0.1',
     {'method': 'GET', 'status': 304, 'query': 'b=c?d', 'referrer': 'http://x/',
      'agent': 'Me/1'}),
    (START + b'"POST /a HTTP/2.0" 499 0 "-" "-" "10.0.0.9" 0.003\r', '/a', '10.0.0.1',
     {'method': 'POST', 'status': 499, 'bytes': 0}),
    (b'2001:db8::1 - Ann Lee [21/Nov/2026:12:00:00 +0000] "GET / HTTP/1.1"' + END,
     '/', 'Ann Lee', {'method': 'GET', 'status': 200, 'bytes': 17}),
    (b'www.example.com:443 fe80::1%eth0 - "" [21/Nov/2026:12:00:00 -0000] '
     b'"GET / HTTP/1.1"' + END,
     '/', 'fe80::1%eth0', {'method': 'GET', 'status': 200, 'bytes': 17,
                           'host': 'www.example.com:443'}),
    (START + b'"GET / HTTP/1.1" 200 17 "-" "say \\"hi\\" \\\\ \\xc3\\xa9\\t"', '/',
     '10.0.0.1', {'method': 'GET', 'status': 200, 'bytes': 17,
                  'agent': 'say "hi" \\ é\t'}),
    (START + b'"GET / HTTP/1.1" 200 17 "-" "caf\xe9"', '/', '10.0.0.1',
     {'method': 'GET', 'status': 200, 'bytes': 17, 'agent': 'café'}),
    (START + b'"GET /caf%C3%A9/%2F?q=%20 HTTP/1.1"' + END, '/café/%2F', '10.0.0.1',
     {'method': 'GET', 'status': 200, 'bytes': 17, 'query': 'q=%20'}),
    (START + b'"GET /two words HTTP/1.1"' + END, '/two words', '10.0.0.1',
     {'method': 'GET', 'status': 200, 'bytes': 17}),
    (START + b'"GET /"quoted" HTTP/1.1"' + END, '/"quoted"', '10.0.0.1',
     {'method': 'GET', 'status': 200, 'bytes': 17}),
    (START + b'"GET http://x.org/a?b HTTP/1.1"' + END, '/a', '10.0.0.1',
     {'method': 'GET', 'request': 'GET http://x.org/a?b HTTP/1.1', 'status': 200,
      'bytes': 17, 'query': 'b'}),
    (START + b'"OPTIONS * HTTP/1.0"' + END, '*', '10.0.0.1',
     {'method': 'OPTIONS', 'status': 200, 'bytes': 17}),
    (START + b'"CONNECT x.org:443 HTTP/1.1"' + END, 'x.org:443', '10.0.0.1',
     {'method': 'CONNECT', 'status': 200, 'bytes': 17}),
    (START + b'"-" 408 -', '-', '10.0.0.1', {'status': 408}),
    (START + b'"\\x16\\x03\\x01" 400 17', '-', '10.0.0.1',
     {'request': '\x16\x03\x01', 'status': 400, 'bytes': 17}),
])
def test_a_line_of_an_access_log(line, task, user, data):
    assert parsed(line) == (task, None, user, data, NOON)


@pytest.mark.parametrize(('line', 'reason'), [
    (b'garbage', 'it does not begin with a client, two names and a [time]'),
    (START + b'"GET / HTTP/1.1', 'the request in quotes is missing or does not end'),
    (START + b'"GET / HTTP/1.1" 20',
     'a status and a number of bytes do not follow the request'),
    (START + b'"GET / HTTP/1.1" 200 12345678901234567890123456 "-" "-"',
     'its number of bytes has more than 18 digits'),
    (START + b'"GET / HTTP/1.1" 200 17 "-" "cut o',
     'it does not end with a referrer and an agent in quotes'),
    (b'x - - [31/Feb/2026:12:00:00 +0000] "GET / HTTP/1.1"' + END,
     "its time '31/Feb/2026:12:00:00 +0000' is no time like "
     "17/May/2015:10:05:03 +0000"),
])
def test_a_bad_line_has_a_reason(line, reason):
    assert parsed(line) == reason


def test_seconds_of_a_minute_that_is_known():
    lines = [b'x - - [21/Nov/2026:12:00:%s +0000] "GET / HTTP/1.1"' % second + END
             for second in (b'59', b'60', b'61', b'6x')]
    rows, bad, _ = AccessLog().rows(Block(1, 0, 0, lines))
    assert [row[4] - NOON for row in rows] == [59, 60]
    assert [(number, ' is no time like ' in reason) for number, reason in bad] == [
        (3, True), (4, True)]


def test_not_all_times_are_remembered(monkeypatch):
    monkeypatch.setattr(accesslog, 'KNOWN_TIMES', 10)
    log = AccessLog()
    for n in range(100):
        line = log_line(time=NOON + n).strip().encode()
        assert log.rows(Block(1, 0, 0, [line]))[0][0][4] == NOON + n
        assert len(log._times) <= 12


@given(st.lists(st.one_of(
    st.binary(max_size=80).filter(lambda line: b'\n' not in line),
    st.tuples(st.sampled_from([START, b'', b'x - - ']),
              st.binary(max_size=60).filter(lambda line: b'\n' not in line),
              st.sampled_from([END, b'" 200 1', b'']).map(bytes)).map(b''.join))))
def test_no_line_is_lost_and_none_raises(lines):
    rows, bad, used = AccessLog().rows(Block(1, 0, 0, lines))
    blank = sum(not line.strip() for line in lines)
    assert used == len(lines)
    assert blank <= len(lines) - len(rows) - len(bad) <= blank
    for task, _, user, data, time, _ in rows:
        json.dumps([task, user, data, time]).encode()


def escaped(text):
    return ''.join(
        '\\"' if char == '"' else '\\\\' if char == '\\'
        else char if ' ' <= char <= '~'
        else ''.join(f'\\x{byte:02x}' for byte in char.encode()) for char in text)


@given(st.text(st.characters(exclude_categories=['Cs']), min_size=1)
       .filter(lambda text: text != '-'))
def test_what_a_server_escapes_comes_back(text):
    line = START + f'"GET / HTTP/1.1" 200 1 "-" "{escaped(text)}"'.encode()
    assert parsed(line)[3]['agent'] == text
    assert unescaped(escaped(text)) == text


@given(st.text(st.characters(categories=['L', 'N'])))
def test_a_path_is_readable_and_unambiguous(text):
    quoted = ''.join(f'%{byte:02X}' for byte in text.encode())
    assert readable(f'/{quoted}') == f'/{text}'


@pytest.mark.parametrize(('path', 'text'), [
    ('/a%2eb%2Fc%3f%25%0a', '/a.b%2Fc%3F%25%0A'),
    ('/%E9%41', '/%E9%41'),
    ('/100%', '/100%'),
    ('/%C2%85', '/%C2%85'),
])
def test_what_would_change_a_path_stays(path, text):
    assert readable(path) == text
