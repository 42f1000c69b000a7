"""The numbers that a benchmark is made of."""

import pytest

from tools.measure.arithmetic import marginal, middle, paired_ratio, percentile, ratio, slope


def test_percentile_is_a_value_that_was_measured() -> None:
    values = [40.0, 10.0, 30.0, 20.0]
    assert percentile(values, 50) == 20.0
    assert percentile(values, 95) == 40.0
    assert percentile([7.0], 99) == 7.0


def test_percentile_of_a_hundred_values_leaves_out_the_worst_hundredth() -> None:
    values = [float(number) for number in range(1, 101)]
    assert (percentile(values, 50), percentile(values, 95), percentile(values, 99)) == (50.0, 95.0, 99.0)


def test_nothing_measured_gives_no_number() -> None:
    assert percentile([], 50) is None
    assert middle([None, None]) is None
    assert ratio(1.0, None) is None
    assert ratio(1.0, 0.0) is None
    assert slope([]) is None


def test_the_median_of_rounds_leaves_out_rounds_without_a_value() -> None:
    assert middle([3.0, None, 1.0, 2.0]) == 2.0


def test_ratios_are_made_pair_by_pair() -> None:
    """The second round was twice as slow for both: the ratio stays what it is in every round."""
    assert paired_ratio([10.0, 20.0, 10.0], [20.0, 40.0, 20.0]) == 0.5
    assert paired_ratio([10.0, None], [40.0, 1.0]) == 0.25


def test_slope_is_the_rise_of_the_fitted_line() -> None:
    assert slope([(0.0, 100.0), (10.0, 102.0), (20.0, 104.0)]) == pytest.approx(0.2)
    assert slope([(1.0, 5.0), (1.0, 7.0)]) is None


def test_one_more_call_costs_the_rise_between_the_loads() -> None:
    assert marginal([(1, 100.0), (3, 130.0), (6, 150.0)]) == 10.0
    assert marginal([(1, 100.0), (6, None)]) is None
    assert marginal([(3, 100.0)]) is None
