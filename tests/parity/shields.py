"""What a cancel does not reach, and what cleans up after one."""

import asyncio

from parity import MS, NEVER, differs, ended, go, outcome, say, settle, yes


async def a_shield_hands_the_result_on():
    async def seven():
        return 7

    say(await outcome(asyncio.shield(go(seven()))))


async def a_shielded_call_goes_on():
    async def work():
        await event.wait()
        say("work ends")

    async def wait():
        await asyncio.shield(work())

    event = asyncio.Event()
    task = go(wait())
    await settle()
    task.cancel()
    await ended("waiter", task)
    event.set()
    await settle()


async def clean_up_may_block():
    async def work():
        try:
            await asyncio.sleep(NEVER)
        finally:
            say(f"clean-up: {await outcome(asyncio.sleep(0))}")

    task = go(work())
    await settle()
    task.cancel()
    await ended("task", task)


@differs(python="clean-up: cancelled\ntask: cancelled",
         cede="clean-up: 0\ntask: cancelled")
async def a_second_cancel_during_clean_up():
    """In asyncio each cancel is thrown anew, into the clean-up as well; in cede a shield keeps all
    of them out, and clean-up that may take too long has a deadline."""
    async def work():
        try:
            await asyncio.sleep(NEVER)
        finally:
            say(f"clean-up: {await outcome(event.wait())}")

    event = asyncio.Event()
    task = go(work())
    await settle()
    task.cancel()
    await settle()
    task.cancel()
    await settle()
    event.set()
    await ended("task", task)


async def clean_up_has_a_deadline_of_its_own():
    async def work():
        try:
            await asyncio.sleep(NEVER)
        finally:
            say(f"clean-up: {await outcome(asyncio.wait_for(asyncio.sleep(NEVER), 2 * MS))}")

    task = go(work())
    await settle()
    task.cancel()
    await ended("task", task)


async def a_timeout_that_has_passed_is_left_behind():
    say(await outcome(asyncio.wait_for(asyncio.sleep(NEVER), 2 * MS)))
    say(await outcome(asyncio.sleep(0)))


@differs(python="first: cancelled\nsecond: 0\nexpired: yes",
         cede="first: cancelled\nsecond: cancelled\nexpired: yes")
async def a_timeout_that_is_swallowed_inside():
    """A deadline that has passed is a state of its scope in cede, and holds until it is left."""
    try:
        async with asyncio.timeout(2 * MS) as scope:
            say(f"first: {await outcome(asyncio.sleep(NEVER))}")
            say(f"second: {await outcome(asyncio.sleep(0))}")
    except TimeoutError:
        say("timeout")
    say(f"expired: {yes(scope.expired())}")
