"""One look a second for all who watch, and none while nobody does."""

import asyncio
from contextlib import aclosing

from desk.board.feed import Feed
from desk.board.live_calls import Board


class Database:
    def __init__(self) -> None:
        self.looks = 0
        self.is_away = False

    def read(self) -> Board:
        self.looks += 1
        if self.is_away:
            raise ConnectionError
        return Board(())


async def test_two_who_watch_share_each_look() -> None:
    database = Database()
    feed = Feed(database.read, every_s=0.01)
    async with aclosing(feed.follow()) as one, aclosing(feed.follow()) as two:
        boards = [await asyncio.gather(anext(one), anext(two)) for _ in range(3)]
        looks = database.looks

    assert all(board[0] is board[1] for board in boards)
    assert 3 <= looks <= 4


async def test_nobody_looks_when_all_have_gone() -> None:
    database = Database()
    feed = Feed(database.read, every_s=0)
    async with aclosing(feed.follow()) as boards:
        await anext(boards)
    assert feed.reading is not None
    await feed.reading

    assert feed.followers == 0


async def test_who_comes_later_begins_a_new_look() -> None:
    database = Database()
    feed = Feed(database.read, every_s=0)
    for _ in range(2):
        async with aclosing(feed.follow()) as boards:
            assert await anext(boards) == Board(())
        assert feed.reading is not None
        await feed.reading


async def test_a_database_that_is_away_is_told_and_asked_again() -> None:
    database = Database()
    database.is_away = True
    feed = Feed(database.read, every_s=0)
    async with aclosing(feed.follow()) as boards:
        assert await anext(boards) is None
        database.is_away = False
        while await anext(boards) is None:
            pass


async def test_one_who_stops_watching_takes_nothing_from_the_others() -> None:
    feed = Feed(Database().read, every_s=0.01)
    async with aclosing(feed.follow()) as stays:
        leaving = asyncio.ensure_future(anext(feed.follow()))
        await anext(stays)
        leaving.cancel()
        assert await anext(stays) == Board(())
