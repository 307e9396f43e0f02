"""Tasks: order, results, cancelling, joining; what asyncio.run() does at the end."""

import asyncio

from parity import NEVER, differs, ended, fail, go, outcome, say, settle, yes


async def _name(name):
    say(name)


async def _steps(name):
    for step in "123":
        say(name + step)
        await asyncio.sleep(0)


async def _sleep_long(name):
    say(f"{name} sleeps")
    try:
        await asyncio.sleep(NEVER)
    except asyncio.CancelledError:
        say(f"{name} is cancelled")
        raise


async def _seven():
    return 7


async def _fail():
    fail("EIO")


async def spawned_tasks_start_in_order_when_main_waits():
    tasks = [go(_name(name)) for name in "abc"]
    say("main")
    for task in tasks:
        await task


async def ready_tasks_take_turns():
    tasks = [go(_steps(name)) for name in "abc"]
    for task in tasks:
        await task


async def a_join_tells_result_or_error():
    await ended("seven", go(_seven()))
    await ended("fail", go(_fail()))


async def a_task_that_has_ended_is_joined_at_once():
    task = go(_seven())
    await settle()
    say(f"done: {yes(task.done())}")
    other = go(_name("other"))
    await ended("task", task)
    say("main")
    await other


async def a_child_spawns_a_child():
    async def parent():
        say("parent")
        child = go(_name("child"))
        say("parent spawned")
        await child
        say("parent joined")

    await go(parent())


async def cancel_ends_a_sleep():
    task = go(_sleep_long("a"))
    await settle()
    task.cancel()
    say(f"done: {yes(task.done())}")
    await ended("a", task)


@differs(python="a: cancelled", cede="a sleeps\na is cancelled\na: cancelled")
async def cancel_before_the_first_step():
    """A function in C owns what it was given and has to release it, so it begins in any case; its
    first blocking call tells that it is cancelled."""
    task = go(_sleep_long("a"))
    task.cancel()
    await ended("a", task)


async def cancel_after_the_end_changes_nothing():
    task = go(_seven())
    await settle()
    task.cancel()
    await ended("task", task)


async def cancel_twice_is_cancel_once():
    task = go(_sleep_long("a"))
    await settle()
    task.cancel()
    task.cancel()
    await ended("a", task)


async def cancelled_tasks_end_in_the_order_of_the_cancels():
    tasks = {name: go(_sleep_long(name)) for name in "abc"}
    await settle()
    for name in "cab":
        tasks[name].cancel()
    await settle()
    for name in "abc":
        await ended(name, tasks[name])


async def _swallow():
    try:
        await asyncio.sleep(NEVER)
    except asyncio.CancelledError:
        say("swallowed")
    return 3


async def a_task_may_return_a_result_all_the_same():
    task = go(_swallow())
    await settle()
    task.cancel()
    await ended("task", task)


@differs(python="first: cancelled\nsecond: 0\ntask: 0",
         cede="first: cancelled\nsecond: cancelled\ntask: 0")
async def a_cancel_that_is_swallowed():
    """A cancel is a state in cede: it stays until the scope is left, so it cannot be missed."""
    async def stubborn():
        say(f"first: {await outcome(asyncio.sleep(NEVER))}")
        say(f"second: {await outcome(asyncio.sleep(0))}")

    task = go(stubborn())
    await settle()
    task.cancel()
    await ended("task", task)


async def a_task_cancels_itself():
    async def suicide():
        asyncio.current_task().cancel()
        say("still here")
        await asyncio.sleep(NEVER)

    await ended("task", go(suicide()))


@differs(python="waiter: cancelled\ntarget: cancelled", cede="waiter: cancelled\ntarget: 7")
async def cancelling_who_joins():
    """In asyncio a cancelled await takes the awaited task along; cede_join() only stops waiting,
    because others may join the same task."""
    async def target():
        await event.wait()
        return 7

    async def join():
        await task

    event = asyncio.Event()
    task = go(target())
    waiter = go(join())
    await settle()
    waiter.cancel()
    await ended("waiter", waiter)
    event.set()
    await ended("target", task)


async def all_who_join_go_on_in_order():
    async def target():
        await event.wait()
        return 7

    async def join(name):
        say(f"{name}: {await task}")

    event = asyncio.Event()
    task = go(target())
    joiners = [go(join(name)) for name in "abc"]
    await settle()
    event.set()
    for joiner in joiners:
        await joiner


async def a_task_cannot_join_itself():
    async def join_self():
        try:
            await asyncio.current_task()
        except RuntimeError:
            say("refused")

    await go(join_self())


async def callbacks_of_a_task_run_in_order():
    task = go(_seven())
    task.add_done_callback(lambda _: say("first"))
    task.add_done_callback(lambda _: say("second"))
    await settle()
    task.add_done_callback(lambda _: say("late"))
    say("main")
    await settle()


async def a_removed_callback_is_not_called():
    def remove(_):
        say("removed")

    task = go(_seven())
    task.add_done_callback(remove)
    task.add_done_callback(lambda _: say("kept"))
    task.add_done_callback(remove)
    say(f"{task.remove_done_callback(remove)} of them")
    await settle()


async def the_running_task_is_known_by_name():
    async def tell():
        say(asyncio.current_task().get_name())

    loop = asyncio.get_running_loop()
    await loop.create_task(tell(), name="teller")


async def clean_up_runs_from_the_inside_out():
    async def inner():
        try:
            await asyncio.sleep(NEVER)
        finally:
            say("inner")

    async def outer():
        try:
            await inner()
        finally:
            say("outer")

    task = go(outer())
    await settle()
    task.cancel()
    await ended("task", task)


async def the_end_of_main_cancels_what_is_left():
    task = go(_sleep_long("a"))
    await settle()
    say(f"main ends, done: {yes(task.done())}")
