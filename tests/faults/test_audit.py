"""The checker finds what it is there to find."""

from __future__ import annotations

from pathlib import Path

from tests.faults.audit import audit, in_hand
from tests.faults.receipts import (
    Dropped,
    Ended,
    Enqueued,
    Learned,
    Reader,
    Receipt,
    SettleAnswered,
    Started,
    WorkerBegan,
    WorkerKilled,
    WorkerStopped,
    write,
)

ONE_LIFE: list[Receipt] = [
    Enqueued(id="a"),
    Started(id="a", n=1, pid=7),
    Ended(id="a", n=1, pid=7),
    SettleAnswered(id="a", token=1, verdict="settled", terminal=True, pid=7),
    Learned(id="a", outcome="7.1"),
]


def test_a_job_that_lived_as_it_should() -> None:
    report = audit(ONE_LIFE)
    assert (report.enqueued, report.lost, report.contradictions, report.repeats) == (1, [], [], 0)


def test_an_acknowledged_job_without_an_outcome_is_lost() -> None:
    assert audit([Enqueued(id="a"), Started(id="a", n=1)]).lost == ["a"]


def test_a_second_execution_is_counted() -> None:
    assert audit([*ONE_LIFE, Started(id="a", n=1, pid=8)]).repeats == 1


def test_two_outcomes_contradict_each_other() -> None:
    again: list[Receipt] = [Ended(id="a", n=1, pid=8), Learned(id="a", outcome="8.1")]
    assert audit([*ONE_LIFE, *again]).contradictions == ["a ended twice: ['7.1', '8.1']"]


def test_two_claims_cannot_both_settle() -> None:
    repeated = SettleAnswered(id="a", token=1, verdict="already", terminal=True)
    refused = SettleAnswered(id="a", token=2, verdict="lost", terminal=True)
    accepted = SettleAnswered(id="a", token=3, verdict="settled", terminal=True)
    assert audit([*ONE_LIFE, repeated, refused]).contradictions == []
    assert audit([*ONE_LIFE, repeated, refused, accepted]).contradictions == ["a was settled by claims [1, 3]"]


def test_a_value_that_no_body_returned_is_invented() -> None:
    (complaint,) = audit([Enqueued(id="a"), Started(id="a", n=1, pid=7), Learned(id="a", outcome="7.1")]).contradictions
    assert "no body" in complaint
    assert audit([Enqueued(id="a"), Learned(id="a", outcome="TaskLost")]).contradictions == []


def test_a_worker_that_ends_unasked_has_died() -> None:
    began: list[Receipt] = [WorkerBegan(pid=pid) for pid in (7, 8, 9)]
    assert audit([*began, WorkerStopped(pid=7), WorkerKilled(pid=9)]).deaths == [8]


def test_recovery_is_measured_from_the_kill_to_the_next_start() -> None:
    receipts: list[Receipt] = [
        Started(id="a", n=1, pid=7, at=10),
        Started(id="b", n=2, pid=7, at=10),
        SettleAnswered(id="b", token=1, verdict="settled", terminal=True, pid=7, at=11),
        WorkerKilled(pid=7, at=12),
        Started(id="a", n=1, pid=8, at=15),
    ]
    assert audit(receipts).recoveries == [3]


def test_what_is_in_hand_has_started_and_is_neither_settled_nor_dropped() -> None:
    dropped: list[Receipt] = [Started(id="c", n=3, pid=7), Dropped(id="c", n=3, pid=7)]
    elsewhere = Started(id="d", n=1, pid=8)
    assert in_hand([*ONE_LIFE, *dropped, elsewhere, Started(id="b", n=2, pid=7)], 7) == {"b"}


def test_a_reader_waits_for_the_end_of_a_line(tmp_path: Path) -> None:
    path = tmp_path / "receipts"
    reader = Reader(path)
    assert reader.read() == []
    write(path, ONE_LIFE[0])
    with path.open("ab") as file:
        file.write(b'{"type":"Enq')
    assert reader.read() == ONE_LIFE[:1]
