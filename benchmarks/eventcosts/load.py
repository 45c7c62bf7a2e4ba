"""The events that are sent, and how what they cost is told."""

import statistics
import time

#: So many events at a time have their clock read; reading it costs, too.
SAMPLE = 7

HEAD = ('what', 'number', 'a second', 'microseconds in the caller: median', '99 %',
        'bytes an event', 'memory grown by, MB')


class Nothing:
    """A backend that does nothing."""

    def send(self, event):
        pass


def emit_all(tracker, count):
    """Emit events; return the nanoseconds that some of them took in the caller."""
    tracker.enter_context('application', {'host': 'shop1', 'release': '1.2'})
    taken, clock = [], time.perf_counter_ns
    for number in range(count):
        if not number % 20:
            tracker.enter_context('request', {
                'session_id': f's{number // 20 % 5000}',
                'user_id': f'u{number // 20 % 1000}', 'path': f'/p/{number % 97}'})
        data = {'order': number, 'amount': number % 1000, 'express': not number % 3}
        if number % SAMPLE:
            tracker.emit('order.placed', data)
        else:
            start = clock()
            tracker.emit('order.placed', data)
            taken.append(clock() - start)
    return taken


def processors():
    """Return three processors like those that applications have."""
    def no_pings(event):
        return event if event['name'] != 'ping' else None

    def sign(event):
        event['data']['by'] = 'shop'

    def at(event):
        event['context']['at'] = 'front'
        return event
    return [no_pings, sign, at]


def row(title, count, rate, taken, size=None, grown=None):
    """Return a row of the table; ``taken`` are nanoseconds."""
    median = statistics.median(taken) / 1000
    high = statistics.quantiles(taken, n=100)[98] / 1000
    return (title, f'{count:,}', '' if rate is None else f'{rate:,.0f}',
            f'{median:.1f}', f'{high:.1f}', '' if size is None else f'{size:.0f}',
            '' if grown is None else f'{grown:.0f}')
