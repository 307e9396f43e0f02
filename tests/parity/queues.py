"""Queues: order, bounds, who waits, work done."""

import asyncio

from parity import differs, ended, go, outcome, refused, say, settle


def _filled(queue, items):
    for item in items:
        queue.put_nowait(item)
    return queue


def _drain(queue):
    while not queue.empty():
        say(f"{queue.get_nowait()}")


async def _get(queue, name):
    say(f"{name} gets {await queue.get()}")


async def _put(queue, item):
    await queue.put(item)
    say(f"put {item}")


async def first_in_first_out():
    _drain(_filled(asyncio.Queue(), [1, 2, 3]))


async def last_in_first_out():
    _drain(_filled(asyncio.LifoQueue(), [1, 2, 3]))


async def the_least_comes_first():
    _drain(_filled(asyncio.PriorityQueue(), [3, 1, 2, 1]))


async def a_queue_knows_its_length():
    queue = _filled(asyncio.Queue(5), [1, 2])
    say(f"{queue.qsize()} of {queue.maxsize}")


async def an_empty_queue_gives_nothing():
    say(refused(asyncio.Queue().get_nowait))


async def a_full_queue_takes_nothing():
    queue = asyncio.Queue(1)
    say(refused(queue.put_nowait, 1))
    say(refused(queue.put_nowait, 2))
    _drain(queue)


async def who_gets_is_served_in_order():
    queue = asyncio.Queue()
    tasks = [go(_get(queue, name)) for name in "abc"]
    await settle()
    _filled(queue, [1, 2, 3])
    say("put")
    for task in tasks:
        await task


async def a_put_waits_for_room():
    queue = asyncio.Queue(1)
    tasks = [go(_put(queue, item)) for item in (1, 2, 3)]
    await settle()
    for _ in range(3):
        say(f"got {await queue.get()}")
        await settle()
    for task in tasks:
        await task


async def a_cancelled_get_leaves_the_item():
    queue = asyncio.Queue()
    a, b = (go(_get(queue, name)) for name in "ab")
    await settle()
    a.cancel()
    await ended("a", a)
    queue.put_nowait(1)
    await ended("b", b)
    say(f"{queue.qsize()} left")


async def a_cancelled_put_leaves_nothing():
    queue = _filled(asyncio.Queue(1), [1])
    task = go(_put(queue, 2))
    await settle()
    task.cancel()
    await ended("task", task)
    _drain(queue)


@differs(python="b gets 1\na: cancelled\nb: 0", cede="a gets 1\na: 0\nb: cancelled")
async def a_get_that_is_cancelled_after_the_put():
    """asyncio takes the item away from the cancelled task again and gives it to the next; in cede
    the put has handed it over, and the next call of that task tells of the cancel."""
    queue = asyncio.Queue()
    a, b = (go(_get(queue, name)) for name in "ab")
    await settle()
    queue.put_nowait(1)
    a.cancel()
    await settle()
    b.cancel()
    await ended("a", a)
    await ended("b", b)


async def join_waits_for_all_the_work():
    async def work():
        while True:
            item = await queue.get()
            say(f"work {item}")
            queue.task_done()

    queue = _filled(asyncio.Queue(), [1, 2, 3])
    worker = go(work())
    await queue.join()
    say("joined")
    worker.cancel()
    await ended("worker", worker)


async def join_of_a_queue_without_work_does_not_block():
    say(await outcome(asyncio.Queue().join()))


async def more_done_than_there_was_is_refused():
    queue = _filled(asyncio.Queue(), [1])
    _drain(queue)
    say(refused(queue.task_done))
    say(refused(queue.task_done))


async def who_joins_waits_for_work_that_was_gotten():
    async def join():
        await queue.join()
        say("joined")

    queue = _filled(asyncio.Queue(), [1])
    task = go(join())
    _drain(queue)
    await settle()
    say("done")
    queue.task_done()
    await task
