"""Who does what, what is done again, and when it ends."""

import threading
import time

import pytest
from osdclean.engine.cli.failure import CommandError, DiskError
from osdclean.engine.spread.plan import of_borders
from osdclean.engine.spread.store import Store
from osdclean.engine.spread.team import FAILURES, HandLost, Team


class Hands:
    """A runner whose hands write the chunk's number; `act` is called first with hand and chunk number."""

    def __init__(self, count, act=lambda hand, number: None):
        self.names = [f"hand {k}" for k in range(count)]
        self.act, self.begun, self.stopped = act, [], threading.Event()

    def hands(self):
        return self.names

    def do(self, hand, chunk, file, report):
        self.begun.append((hand, chunk.number))
        report(1)
        self.act(hand, chunk.number)
        file.write_text(str(chunk.number))

    def stop(self):
        self.stopped.set()

    def close(self):
        pass


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "out.mkv", {}, lambda: of_borders([0, 10, 50, 60, 90]))


def worked(runner, store):
    """The team once it is over, and what it said."""
    said = []
    team = Team(runner, store, said.append)
    while not team.over:
        team.hire(runner.hands())
        team.wait(0.05)
    team.end()
    return team, said


def test_every_chunk_is_done_once_the_longest_first(store):
    runner = Hands(1)
    team, said = worked(runner, store)
    assert (team.error, said, store.missing) == (None, [], [])
    assert [number for _, number in runner.begun] == [2, 4, 1, 3]
    assert [store.file(chunk).read_text() for chunk in store.chunks] == ["1", "2", "3", "4"]


def test_what_is_finished_is_not_done_again(store):
    with store.place(store.chunks[1]) as file:
        file.write_text("before")
    runner = Hands(2)
    worked(runner, store)
    assert sorted(number for _, number in runner.begun) == [1, 3, 4]


def test_chunk_of_a_lost_hand_is_done_elsewhere(store):
    def act(hand, number):
        if hand == "hand 0":
            runner.names = ["hand 1"]
            raise HandLost("the worker was lost")
        while len(runner.begun) < 2:  # so that the first hand does get one
            time.sleep(0.01)

    runner = Hands(2, act)
    team, said = worked(runner, store)
    assert (team.error, store.missing, len(said)) == (None, [], 1)
    assert "the worker was lost; it is done again" in said[0]
    (lost,) = (number for hand, number in runner.begun if hand == "hand 0")
    assert ("hand 1", lost) in runner.begun


def test_hand_on_which_a_chunk_failed_leaves_it_to_others(store):
    def act(hand, number):
        if (hand, number) == ("hand 0", 2):
            raise CommandError("bad day")
        if hand == "hand 0":
            while ("hand 1", 2) not in runner.begun:
                time.sleep(0.01)

    runner = Hands(2, act)
    team, _ = worked(runner, store)
    assert (team.error, store.missing) == (None, [])
    assert runner.begun.count(("hand 0", 2)) <= 1


@pytest.mark.parametrize("hands", [1, 3])
def test_third_failure_of_a_chunk_ends_the_run_and_the_others_stay(store, hands):
    def act(hand, number):
        if number == 3:
            raise CommandError("bad day")

    team, said = worked(Hands(hands, act), store)
    assert "chunk 3 (frames 50 to 59) failed 3 times" in str(team.error)
    assert str(team.error).endswith("bad day")
    assert len(said) == FAILURES - 1
    assert store.chunks[2] in store.missing


def test_full_disk_ends_the_run_at_once(store):
    def act(hand, number):
        raise DiskError("no space")

    runner = Hands(1, act)
    team, said = worked(runner, store)
    assert (str(team.error), said, len(runner.begun)) == ("no space", [], 1)


def test_end_stops_what_is_being_done_and_says_nothing_of_it(store):
    def act(hand, number):
        runner.stopped.wait(20)
        raise CommandError("stopped")

    runner, said = Hands(2, act), []
    team = Team(runner, store, said.append)
    team.hire(runner.hands())
    while len(runner.begun) < 2:
        time.sleep(0.01)
    assert team.told() == (90 - 2, 2, 2)
    team.end()
    assert said == []
    assert len(store.missing) == 4


def test_fault_of_our_own_ends_the_run_and_is_seen(store):
    def act(hand, number):
        raise ZeroDivisionError

    team, said = worked(Hands(2, act), store)
    assert isinstance(team.error, ZeroDivisionError)
    assert said == []


def test_hand_that_is_gone_is_given_nothing_more(store):
    def act(hand, number):
        if hand == "hand 1":
            gone.wait(20)

    gone = threading.Event()
    runner = Hands(2, act)
    team = Team(runner, store, lambda text: None)
    team.hire(["hand 1"])
    while not runner.begun:
        time.sleep(0.01)
    team.hire(["hand 0"])
    gone.set()
    while not team.over:
        team.wait(0.05)
    team.end()
    assert store.missing == []
    assert [hand for hand, _ in runner.begun].count("hand 1") == 1
