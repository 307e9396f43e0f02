"""Gather, wait, as_completed, wait_for, timeouts and task groups."""

import asyncio

from parity import MS, NEVER, differs, ended, fail, go, outcome, say, settle, yes


async def _one():
    return 1


async def _two():
    await asyncio.sleep(0)
    return 2


async def _fail():
    await asyncio.sleep(0)
    fail("EIO")


async def _sleep_long():
    try:
        await asyncio.sleep(NEVER)
    finally:
        say("a sleeper ends")


async def gather_keeps_the_order_of_its_arguments():
    say(f"{await asyncio.gather(_two(), _one())}")


async def gather_of_nothing_is_nothing():
    say(f"{await asyncio.gather()}")


async def gather_returns_the_first_error():
    say(await outcome(asyncio.gather(_one(), _fail())))


async def gather_may_return_errors_as_results():
    one, error, two = await asyncio.gather(_one(), _fail(), _two(), return_exceptions=True)
    say(f"{one} {await outcome(_raise(error))} {two}")


async def _raise(error):
    raise error


@differs(python="gather: EIO\nother: no\na sleeper ends",
         cede="a sleeper ends\ngather: EIO\nother: yes")
async def gather_and_what_goes_on_after_an_error():
    """asyncio leaves the others running, unwatched; cede cancels them and has awaited them, since
    no task outlives what it belongs to."""
    other = go(_sleep_long())
    say(f"gather: {await outcome(asyncio.gather(other, _fail()))}")
    say(f"other: {yes(other.done())}")
    other.cancel()
    await settle()


async def a_cancelled_gather_cancels_its_calls():
    async def gather():
        await asyncio.gather(_sleep_long(), _sleep_long())

    task = go(gather())
    await settle()
    task.cancel()
    await ended("task", task)


async def _told(tasks, **options):
    done, pending = await asyncio.wait(tasks, **options)
    say(f"{len(done)} done, {len(pending)} pending")


async def wait_for_all():
    await _told([go(_one()), go(_two())])


async def wait_for_the_first():
    task = go(_sleep_long())
    await _told([task, go(_one())], return_when=asyncio.FIRST_COMPLETED)
    task.cancel()
    await ended("task", task)


async def wait_for_the_first_error():
    task, error = go(_sleep_long()), go(_fail())
    await _told([task, go(_one()), error], return_when=asyncio.FIRST_EXCEPTION)
    await ended("error", error)
    task.cancel()
    await ended("task", task)


async def wait_for_an_error_that_does_not_come():
    await _told([go(_one()), go(_two())], return_when=asyncio.FIRST_EXCEPTION)


async def wait_with_a_timeout_cancels_nobody():
    task = go(_sleep_long())
    await _told([task, go(_one())], timeout=5 * MS)
    say(f"done: {yes(task.done())}")
    task.cancel()
    await ended("task", task)


async def wait_counts_a_task_once():
    task = go(_one())
    await _told([task, task])


@differs(python="1 done, 0 pending\nother: yes", cede="1 done, 0 pending\nother: no")
async def wait_for_what_is_done():
    """asyncio.wait() always suspends; what cede can have at once, it has without a switch."""
    task = go(_one())
    await settle()
    other = go(_one())
    await _told([task])
    say(f"other: {yes(other.done())}")
    await other


async def as_completed_tells_in_the_order_of_the_ends():
    async def after(event, result):
        await event.wait()
        return result

    events = [asyncio.Event() for _ in range(3)]
    tasks = [go(after(event, i)) for i, event in enumerate(events)]
    await settle()
    completed = asyncio.as_completed(tasks)
    first = next(completed)  # From here on the tasks are watched.
    for i in (2, 0, 1):
        events[i].set()
        await settle()
    say(f"{await first}")
    for next_one in completed:
        say(f"{await next_one}")


async def wait_for_returns_what_comes_in_time():
    say(await outcome(asyncio.wait_for(_two(), NEVER)))
    say(await outcome(asyncio.wait_for(_fail(), NEVER)))


async def wait_for_ends_what_takes_too_long():
    say(await outcome(asyncio.wait_for(_sleep_long(), 2 * MS)))


async def a_cancelled_wait_for_is_no_timeout():
    task = go(asyncio.wait_for(_sleep_long(), NEVER))
    await settle()
    task.cancel()
    await ended("task", task)


async def _inner(seconds):
    try:
        async with asyncio.timeout(seconds):
            await asyncio.sleep(NEVER)
    except TimeoutError:
        say("inner times out")
        raise


async def _nested(outer, inner):
    async with asyncio.timeout(outer):
        await _inner(inner)


async def the_inner_timeout_is_blamed():
    say(await outcome(_nested(NEVER, 2 * MS)))


async def the_outer_timeout_is_blamed():
    say(await outcome(_nested(2 * MS, NEVER)))


async def a_deadline_is_moved_to_the_past():
    async def work():
        async with asyncio.timeout(NEVER) as scope:
            scope.reschedule(asyncio.get_running_loop().time() - 1)
            await asyncio.sleep(NEVER)

    say(await outcome(work()))


async def a_deadline_is_taken_away():
    async def work():
        async with asyncio.timeout(2 * MS) as scope:
            scope.reschedule(None)
            await asyncio.sleep(6 * MS)
        say(f"expired: {yes(scope.expired())}")

    say(await outcome(work()))


async def a_group_awaits_its_tasks():
    async def child():
        await settle()
        say("child")

    async with asyncio.TaskGroup() as group:
        group.create_task(child())
        say("body ends")
    say("left")


async def a_failure_cancels_the_siblings():
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(_sleep_long())
            group.create_task(_fail())
    except* OSError:
        say("EIO")


async def a_failure_cancels_the_body():
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(_fail())
            say(await _told_again(asyncio.sleep(NEVER)))
    except* OSError:
        say("EIO")


async def _told_again(awaitable):
    try:
        await awaitable
    except asyncio.CancelledError:
        say("cancelled")
        raise


async def an_error_of_the_body_cancels_the_tasks():
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(_sleep_long())
            await settle()
            fail("EPIPE")
    except* OSError:
        say("EPIPE")


async def a_child_spawns_into_its_group():
    async def grandchild():
        say("grandchild")

    async def child():
        group.create_task(grandchild())
        say("child")

    async with asyncio.TaskGroup() as group:
        group.create_task(child())
    say("left")


async def cancelling_a_task_of_a_group_leaves_the_others():
    async with asyncio.TaskGroup() as group:
        task = group.create_task(_sleep_long())
        group.create_task(_two())
        await settle()
        task.cancel()
    say("left")


async def cancelling_the_owner_cancels_the_group():
    async def own():
        async with asyncio.TaskGroup() as group:
            group.create_task(_sleep_long())
            group.create_task(_sleep_long())

    task = go(own())
    await settle()
    task.cancel()
    await ended("owner", task)
