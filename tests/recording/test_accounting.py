"""Where frames were lost, and how many."""

from __future__ import annotations

from imgstore.recording.accounting import Accounting


def test_each_loss_counts_once_and_where_it_was() -> None:
    account = Accounting('transport')
    for number, is_kept in [(10, True), (11, True), (14, True), (15, False), (16, False), (17, True)]:
        account.arrived(number, number / 10, is_kept)
    account.failed('the buffer is incomplete', 18)
    account.failed('the buffer is incomplete', None)
    account.arrived(20, 2.0, True)
    assert account.lost == {'transport': 4, 'queue': 2}
    assert account.missing == 20 - 10 + 1 - 5
    assert account.failed_grabs == {'the buffer is incomplete': 2}
    assert (account.first_number, account.last_number) == (10, 20)
    assert account.largest_gap == 2
    assert round(account.longest_interval, 6) == 0.3
    assert round(account.rate or 0, 6) == 10.0


def test_a_gap_goes_over_several_reasons() -> None:
    account = Accounting('camera')
    account.arrived(0, 0.0, True)
    account.failed('damaged', 2)
    account.arrived(3, 3.0, False)
    account.arrived(4, 4.0, True)
    assert account.lost == {'camera': 1, 'transport': 1, 'queue': 1}
    assert account.largest_gap == 3


def test_frames_that_a_store_lost_are_missing() -> None:
    account = Accounting('camera')
    for number in range(10):
        account.arrived(number, float(number), True)
    account.ended(7)
    assert account.lost == {'queue': 3}
    assert account.kept == 7


def test_reasons_without_end_need_no_memory() -> None:
    account = Accounting('camera')
    for number in range(500):
        account.failed(f'reason {number}', None)
    assert len(account.failed_grabs) <= 51
    assert sum(account.failed_grabs.values()) == 500


def test_without_frames_there_is_no_rate() -> None:
    account = Accounting('camera')
    assert account.rate is None
    account.arrived(5, 1.0, True)
    assert account.rate is None
