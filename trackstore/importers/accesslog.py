"""Access logs of web servers: Apache's common and combined, nginx's default.

A line becomes a track of its path (without the query), by the remote user or
else by the client's address.  Its data have the keys ``method``, ``status``
(int), ``bytes`` (int), ``referrer``, ``agent``, ``query`` and ``host`` (a
virtual host with its port), each only where the line has it.  The request
itself is kept as ``request`` where it is none, so that it has no path (the task
is then ``-``), or where it names a server.
"""

import re
from datetime import datetime, timedelta, timezone
from urllib.parse import quote, unquote_to_bytes

from trackstore.importers.exceptions import BadLine
from trackstore.importers.source import text_of

NO_PATH = '-'
KNOWN_TIMES = 100_000       # as many texts of times are remembered

# Every repetition that another one follows is bounded or ends at a character
# that it cannot contain, so that no line takes longer than its length.
#
# The optional first part is a virtual host with its port, as Debian's Apache
# writes it; an IPv6 address has more than one colon.
CLIENT = r'(?:([^\s:]+:\d{1,5}) )?(\S+) \S+ (\S.{0,255}?) \[([^\]]{1,40})\] '
QUOTED = r'"((?:[^"\\]|\\.)*)"'
NUMBERS = r' (\d{3}|-) (\d{1,18}|-)'


def _pattern(request, text):
    return re.compile(
        CLIENT + request + NUMBERS + f'(?: {text} {text}(?: .*)?)?\\r?\\Z', re.A)


USUAL = _pattern(r'"([A-Z]+) (/[^\s"\\?]*)(?:\?([^\s"\\]*))? HTTP/\d(?:\.\d)?"',
                 r'"([^"\\]*)"')
ESCAPED = _pattern(QUOTED, QUOTED)
UNESCAPED = _pattern('"(.*)"', QUOTED)      # a bare quote in the request

REQUEST = re.compile(
    r'([A-Za-z][A-Za-z_-]{0,31}) (\S|\S.*?\S)(?: HTTP/\d(?:\.\d)?)?\Z', re.A)
SERVER = re.compile(r'[A-Za-z][A-Za-z0-9+.-]{0,31}://[^/?]*')

TIME = re.compile(
    r'(\d\d)/([A-Z][a-z]{2})/(\d{4}):(\d\d):(\d\d):(\d\d) ([+-]\d\d)(\d\d)\Z',
    re.A)
MONTHS = {'Jan': 1, 'Feb': 2, 'Mar': 3, 'Apr': 4, 'May': 5, 'Jun': 6, 'Jul': 7,
          'Aug': 8, 'Sep': 9, 'Oct': 10, 'Nov': 11, 'Dec': 12}

ESCAPE = re.compile(r'((?:\\x[0-9A-Fa-f]{2})+)|\\(.)')
ESCAPES = {'n': '\n', 't': '\t', 'r': '\r', 'b': '\b', 'v': '\v', 'f': '\f',
           '"': '"', '\\': '\\'}
PERCENT = re.compile(r'(?:%[0-9A-Fa-f]{2})+')
RESERVED = re.compile(r'[\x00-\x20\x7f-\xa0%/?#\u2028\u2029]')


class AccessLog:
    """Takes the lines of an access log apart."""

    name = 'access'
    max_line = 1 << 17
    skip = 0

    def __init__(self):
        self._times, self._minutes = {}, {}

    def rows(self, block, last=False):
        """Return the rows of a block, its bad lines, and how many it took.

        A row is ``(task, None, user, data, time, line number)``, a bad line
        ``(line number, reason)``.
        """
        rows, bad = [], []
        if len(self._times) > KNOWN_TIMES:
            self._times.clear()
            self._minutes.clear()
        row, share = self._row, {}.setdefault
        for number, line in enumerate(block.lines, block.number):
            try:
                rows.append(row(text_of(line), number, share))
            except BadLine as e:
                if line.strip():
                    bad.append((number, str(e)))
        return rows, bad, len(block.lines)

    def _row(self, line, number, share):
        found = USUAL.match(line)
        if found:
            (host, address, user, stamp, method, path, query,
             status, size, referrer, agent) = found.groups()
            data = {'method': method}
            if '%' in path:
                path = readable(path)
        else:
            (host, address, user, stamp, request,
             status, size, referrer, agent) = _unusual(line)
            path, query, data = _request(request)
        time = self._times.get(stamp)
        if time is None:
            time = self._times[stamp] = self._time(stamp)
        if status != '-':
            data['status'] = int(status)
        if size != '-':
            data['bytes'] = int(size)
        # Equal texts as one object make smaller tracks.
        if referrer and referrer != '-':
            data['referrer'] = share(referrer, referrer)
        if agent and agent != '-':
            data['agent'] = share(agent, agent)
        if query:
            data['query'] = query
        if host:
            data['host'] = share(host, host)
        if user == '-' or user == '""':
            user = address
        return path, None, user, data, time, number

    def _time(self, stamp):
        """Return the time stamp of a time; each minute is worked out once."""
        minute = f'{stamp[:18]}00{stamp[20:]}'
        start = self._minutes.get(minute)
        if start is None:
            start = self._minutes[minute] = _time(stamp) - int(stamp[18:20])
        second = stamp[18:20]
        if not (second.isdecimal() and second.isascii() and int(second) <= 60):
            raise BadLine(_no_time(stamp))
        return start + int(second)


def _unusual(line):
    """Take a line apart that has escapes, or quotes, or no proper request."""
    found = ESCAPED.match(line) or UNESCAPED.match(line)
    if not found:
        raise BadLine(_why(line))
    host, address, user, stamp, *texts = found.groups()
    return host, address, unescaped(user), stamp, *[unescaped(text) for text in texts]


def _why(line):
    """Say what is wrong with a line that fits no pattern."""
    found = re.match(CLIENT, line, re.A)
    if not found:
        return 'it does not begin with a client, two names and a [time]'
    rest = line[found.end():]
    if not re.match(QUOTED, rest):
        return 'the request in quotes is missing or does not end'
    if re.match(QUOTED + r' (\d{3}|-) \d{19}', rest, re.A):
        return 'its number of bytes has more than 18 digits'
    if not re.match(QUOTED + NUMBERS, rest, re.A):
        return 'a status and a number of bytes do not follow the request'
    return 'it does not end with a referrer and an agent in quotes'


def _request(text):
    """Return path, query and data of a request, whatever it is."""
    found = REQUEST.match(text)
    if found:
        method, target = found.groups()
        server = SERVER.match(target)
        if server or target.startswith('/'):
            path, _, query = target[server.end() if server else 0:].partition('?')
            data = {'method': method, 'request': text} if server else {
                'method': method}
            return readable(path) or '/', query, data
        if method == 'CONNECT' or target == '*':
            return target, '', {'method': method}
    return NO_PATH, '', {} if text in ('', '-') else {'request': text}


def _time(text):
    found = TIME.match(text)
    if found:
        day, month, year, hour, minute, second, hours, minutes = found.groups()
        east = timedelta(hours=int(hours), minutes=int(hours[0] + minutes))
        try:
            when = datetime(int(year), MONTHS.get(month, 0), int(day), int(hour),
                            int(minute), tzinfo=timezone.utc) - east
            if int(second) <= 60:       # 60 is a leap second
                return int(when.timestamp()) + int(second)
        except (ValueError, OverflowError):
            pass
    raise BadLine(_no_time(text))


def _no_time(text):
    return f'its time {text!r} is no time like 17/May/2015:10:05:03 +0000'


def unescaped(text):
    """Return a field of a log without the escapes of Apache and nginx.

    >>> unescaped('say \\\\"hello\\\\" at the caf\\\\xc3\\\\xa9')
    'say "hello" at the café'
    """
    if not text or '\\' not in text:
        return text
    return ESCAPE.sub(_unescape, text)


def _unescape(found):
    if found[1]:
        return text_of(bytes.fromhex(found[1].replace('\\x', '')))
    return ESCAPES.get(found[2], found[0])


def readable(path):
    """Return a path with its percent escapes decoded where that is safe.

    Characters that would change the meaning of the path or of a line stay as
    they are, and so does what is no UTF-8.

    >>> readable('/caf%c3%a9/50%25/a%2Fb')
    '/café/50%25/a%2Fb'
    """
    return PERCENT.sub(_decode, path) if '%' in path else path


def _decode(found):
    try:
        text = unquote_to_bytes(found[0]).decode()
    except UnicodeDecodeError:
        return found[0]
    return RESERVED.sub(lambda character: quote(character[0], safe=''), text)
