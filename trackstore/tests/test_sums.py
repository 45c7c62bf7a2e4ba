"""What groupBy takes for a number, and what becomes of numbers of several kinds."""

from decimal import Decimal
from fractions import Fraction
from math import inf, nan

import pytest

from trackstore.testing import memory_storage


def group_of(*amounts):
    with memory_storage() as tracks:
        tracks.saveTracks(('order', 0, 'ann', {'amount': each}, 1) for each in amounts)
        return tracks.groupBy('taskId', of='amount')['order']


def is_same(value, other):
    return type(value) is type(other) and value == other


@pytest.mark.parametrize('amounts, total, mean', [
    ([1, 2], 3, 1.5),
    ([1, 0.5], 1.5, 0.75),
    ([Decimal('10.50'), Decimal('20.00'), 1], Decimal('31.50'), Decimal('10.50')),
    ([1, Decimal('0.10')], Decimal('1.10'), Decimal('0.55')),
    ([Decimal('1.5'), 0.5, Decimal(1)], 3.0, 1.0),
    ([0.5, Decimal('1.5')], 2.0, 1.0),
    ([10 ** 400, 10 ** 400], 2 * 10 ** 400, inf),
    ([10 ** 400, 1.5], inf, inf),
    ([1.5, -10 ** 400], -inf, -inf),
    ([Decimal('1e400'), 1.5], inf, inf),
    ([1e308, 1e308], inf, inf),
])
def test_sums(amounts, total, mean):
    group = group_of(*amounts)
    assert is_same(group.sum, total) and is_same(group.mean, mean)
    assert is_same(group.minimum, min(amounts)) and is_same(group.maximum, max(amounts))


def test_what_is_no_number():
    group = group_of(
        '5', True, nan, Decimal('NaN'), Decimal('sNaN'), Fraction(1, 2), None, 2)
    assert group == (8, 1, 1, 2, 2, 2, 2)


def test_infinite_decimals_of_both_signs():
    group = group_of(Decimal('Infinity'), Decimal('-Infinity'))
    assert group.sum != group.sum and group.mean != group.mean
    assert (group.minimum, group.maximum) == (-inf, inf)
