"""Futures: what they hold, who waits, callbacks."""

import asyncio

from parity import differs, ended, go, outcome, refused, say, settle, yes


def _new():
    return asyncio.get_running_loop().create_future()


async def _wait(name, future):
    say(f"{name}: {await outcome(asyncio.shield(future))}")


async def _waiters(future):
    tasks = [go(_wait(name, future)) for name in "abc"]
    await settle()
    return tasks


async def _join(tasks):
    for task in tasks:
        await task


async def a_result_wakes_all_who_wait_in_order():
    future = _new()
    tasks = await _waiters(future)
    future.set_result(5)
    say("set")
    await _join(tasks)


async def an_error_reaches_all_who_wait():
    future = _new()
    tasks = await _waiters(future)
    future.set_exception(OSError(5, "EIO"))
    await _join(tasks)


async def a_cancelled_future_tells_so():
    future = _new()
    tasks = await _waiters(future)
    future.cancel()
    say(f"cancelled: {yes(future.cancelled())}")
    await _join(tasks)


async def a_future_is_fulfilled_once():
    future = _new()
    say(refused(future.set_result, 1))
    say(refused(future.set_result, 2))
    say(refused(future.set_exception, OSError(5, "EIO")))
    say(await outcome(future))


async def a_fulfilled_future_is_not_cancelled():
    future = _new()
    future.set_result(1)
    say(f"cancelled: {yes(future.cancel())}")
    say(await outcome(future))


async def a_pending_future_has_no_result():
    future = _new()
    say(refused(future.result))
    future.set_result(4)
    say(f"{future.result()}")


async def a_future_that_is_there_does_not_block():
    async def other():
        say("other")

    future = _new()
    future.set_result(6)
    task = go(other())
    say(await outcome(future))
    say("main")
    await task


async def states_are_told():
    for fulfil in (lambda f: f.set_result(0), lambda f: f.set_exception(OSError(5, "EIO")),
                   lambda f: f.cancel()):
        future = _new()
        before = future.done()
        fulfil(future)
        say(f"{yes(before)} {yes(future.done())} {yes(future.cancelled())}")
        await outcome(future)


async def callbacks_run_in_order_and_not_at_once():
    future = _new()
    future.add_done_callback(lambda _: say("first"))
    future.add_done_callback(lambda _: say("second"))
    future.set_result(0)
    say("set")
    await settle()


async def a_callback_added_late_is_called_soon():
    future = _new()
    future.set_result(0)
    future.add_done_callback(lambda _: say("called"))
    say("added")
    await settle()


async def removed_callbacks_are_counted():
    def remove(_):
        say("removed")

    future = _new()
    future.add_done_callback(remove)
    future.add_done_callback(lambda _: say("kept"))
    future.add_done_callback(remove)
    say(f"{future.remove_done_callback(remove)}")
    say(f"{future.remove_done_callback(remove)}")
    future.set_result(0)
    await settle()


async def callbacks_of_a_cancelled_future_run():
    future = _new()
    future.add_done_callback(lambda _: say("called"))
    future.cancel()
    await settle()


@differs(python="task: cancelled\ncancelled: yes", cede="task: cancelled\ncancelled: no")
async def cancelling_who_waits():
    """In asyncio the cancelled waiter takes the future along; in cede others may wait for it."""
    async def wait():
        await future

    future = _new()
    task = go(wait())
    await settle()
    task.cancel()
    await ended("task", task)
    say(f"cancelled: {yes(future.cancelled())}")


@differs(python="task: cancelled", cede="got 3\nthen: cancelled\ntask: 0")
async def a_cancel_that_comes_after_the_result():
    """asyncio throws the result away; in cede what had completed is told, and the next call tells
    of the cancel, so that nothing is lost."""
    async def wait():
        say(f"got {await future}")
        say(f"then: {await outcome(asyncio.sleep(0))}")

    future = _new()
    task = go(wait())
    await settle()
    future.set_result(3)
    task.cancel()
    await ended("task", task)


async def a_future_is_fulfilled_by_a_callback():
    future = _new()
    asyncio.get_running_loop().call_soon(future.set_result, 9)
    say(await outcome(future))
