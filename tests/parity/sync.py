"""Locks, events, conditions, semaphores, barriers."""

import asyncio

from parity import differs, ended, go, refused, say, settle, yes


async def _join(tasks):
    for task in tasks:
        await task


async def _hold(lock, name):
    async with lock:
        say(f"{name} has it")
        await asyncio.sleep(0)
        say(f"{name} gives it")


async def a_lock_is_had_in_the_order_of_arrival():
    lock = asyncio.Lock()
    await _join([go(_hold(lock, name)) for name in "abc"])
    say(f"locked: {yes(lock.locked())}")


async def who_releases_a_lock_does_not_overtake():
    lock = asyncio.Lock()
    await lock.acquire()
    task = go(_hold(lock, "other"))
    await settle()
    lock.release()
    await lock.acquire()
    say("main again")
    lock.release()
    await task


async def a_cancelled_waiter_leaves_the_line():
    lock = asyncio.Lock()
    await lock.acquire()
    a, b, c = (go(_hold(lock, name)) for name in "abc")
    await settle()
    b.cancel()
    await ended("b", b)
    lock.release()
    await _join([a, c])


async def a_lock_that_is_not_held_is_not_released():
    lock = asyncio.Lock()
    say(refused(lock.release))


@differs(python="done", cede="refused")
async def a_lock_of_another_is_not_released():
    """An asyncio lock may be released by anybody; a cede lock knows its owner."""
    async def take():
        await lock.acquire()

    lock = asyncio.Lock()
    await go(take())
    say(refused(lock.release))


async def _wait(event, name):
    await event.wait()
    say(name)


async def an_event_wakes_all_in_order():
    event = asyncio.Event()
    tasks = [go(_wait(event, name)) for name in "abc"]
    await settle()
    event.set()
    say("set")
    await _join(tasks)


async def an_event_that_is_cleared_at_once_has_woken():
    event = asyncio.Event()
    tasks = [go(_wait(event, name)) for name in "ab"]
    await settle()
    event.set()
    event.clear()
    await _join(tasks)
    say(f"set: {yes(event.is_set())}")


async def an_event_that_is_set_does_not_block():
    event = asyncio.Event()
    event.set()
    task = go(_wait(event, "other"))
    await event.wait()
    say("main")
    await task


async def a_cancelled_wait_for_an_event():
    event = asyncio.Event()
    a, b = (go(_wait(event, name)) for name in "ab")
    await settle()
    a.cancel()
    await ended("a", a)
    event.set()
    await ended("b", b)


async def _wait_condition(condition, name):
    async with condition:
        await condition.wait()
        say(name)


async def _waiting(condition, names):
    tasks = [go(_wait_condition(condition, name)) for name in names]
    await settle()
    return tasks


async def notify_wakes_so_many():
    condition = asyncio.Condition()
    tasks = await _waiting(condition, "abc")
    async with condition:
        condition.notify(2)
        say("notified")
    await settle()
    say("the rest")
    async with condition:
        condition.notify_all()
    await _join(tasks)


async def notified_tasks_wait_for_the_lock():
    condition = asyncio.Condition()
    tasks = await _waiting(condition, "ab")
    async with condition:
        condition.notify_all()
        await settle()
        say("main releases")
    await _join(tasks)


async def a_condition_asks_its_predicate():
    async def wait_for_two():
        async with condition:
            await condition.wait_for(lambda: len(items) >= 2)
            say(f"there are {len(items)}")

    items = []
    condition = asyncio.Condition()
    task = go(wait_for_two())
    for _ in range(2):
        await settle()
        async with condition:
            items.append(None)
            say(f"put {len(items)}")
            condition.notify()
    await task


async def a_cancelled_wait_for_a_condition_has_the_lock():
    async def wait():
        async with condition:
            try:
                await condition.wait()
            finally:
                say(f"locked: {yes(condition.locked())}")

    condition = asyncio.Condition()
    task = go(wait())
    await settle()
    task.cancel()
    await ended("task", task)
    say(f"locked: {yes(condition.locked())}")


async def a_condition_without_its_lock_is_refused():
    condition = asyncio.Condition()
    say(refused(condition.notify))
    say(refused(condition.notify_all))
    try:
        await condition.wait()
    except RuntimeError:
        say("refused")


async def a_semaphore_lets_so_many_in():
    semaphore = asyncio.Semaphore(2)
    await _join([go(_hold(semaphore, name)) for name in "abcd"])


async def a_semaphore_serves_in_order():
    async def take(name):
        await semaphore.acquire()
        say(name)

    semaphore = asyncio.Semaphore(0)
    tasks = [go(take(name)) for name in "abc"]
    await settle()
    for _ in range(3):
        semaphore.release()
    await _join(tasks)
    say(f"locked: {yes(semaphore.locked())}")


async def a_cancelled_wait_takes_no_count():
    semaphore = asyncio.Semaphore(0)
    task = go(_hold(semaphore, "task"))
    await settle()
    task.cancel()
    await ended("task", task)
    semaphore.release()
    say(f"locked: {yes(semaphore.locked())}")


async def a_bounded_semaphore_refuses_too_much():
    semaphore = asyncio.BoundedSemaphore(1)
    await semaphore.acquire()
    say(refused(semaphore.release))
    say(refused(semaphore.release))


async def an_unbounded_semaphore_grows():
    semaphore = asyncio.Semaphore(0)
    say(refused(semaphore.release))
    say(refused(semaphore.release))
    await semaphore.acquire()
    say(f"locked: {yes(semaphore.locked())}")


async def _meet(barrier, name):
    try:
        say(f"{name}: {await barrier.wait()}")
    except asyncio.BrokenBarrierError:
        say(f"{name}: broken")


async def _meeting(barrier, names):
    tasks = [go(_meet(barrier, name)) for name in names]
    await settle()
    return tasks


async def a_barrier_opens_for_all_at_once():
    barrier = asyncio.Barrier(3)
    tasks = await _meeting(barrier, "ab")
    say(f"{barrier.n_waiting} of {barrier.parties} wait")
    tasks += await _meeting(barrier, "c")
    say(f"{barrier.n_waiting} wait")
    await _join(tasks)


async def a_barrier_is_used_again():
    barrier = asyncio.Barrier(1)
    for name in "ab":
        await _join(await _meeting(barrier, name))


async def a_reset_sends_away():
    barrier = asyncio.Barrier(3)
    tasks = await _meeting(barrier, "ab")
    await barrier.reset()
    await _join(tasks)
    say(f"broken: {yes(barrier.broken)}")


async def an_abort_breaks_until_the_reset():
    barrier = asyncio.Barrier(2)
    tasks = await _meeting(barrier, "a")
    await barrier.abort()
    await _join(tasks)
    await _join(await _meeting(barrier, "b"))
    say(f"broken: {yes(barrier.broken)}")
    await barrier.reset()
    say(f"broken: {yes(barrier.broken)}")


async def a_cancelled_party_is_one_less():
    barrier = asyncio.Barrier(2)
    [task] = await _meeting(barrier, "a")
    task.cancel()
    await ended("a", task)
    say(f"{barrier.n_waiting} wait")
