"""Callbacks, timers, readiness and signals."""

import asyncio
import os
import signal

from parity import MS, NEVER, differs, say, settle, yes


async def calls_run_in_the_order_of_call_soon():
    loop = asyncio.get_running_loop()
    for name in "abc":
        loop.call_soon(say, name)
    say("main")
    await settle()


async def a_call_made_by_a_call_runs_in_the_next_pass():
    loop = asyncio.get_running_loop()

    def first():
        say("first")
        loop.call_soon(say, "third")

    loop.call_soon(first)
    loop.call_soon(say, "second")
    await settle()


async def a_cancelled_call_does_not_run():
    loop = asyncio.get_running_loop()
    loop.call_soon(say, "a")
    handle = loop.call_soon(say, "b")
    loop.call_soon(say, "c")
    handle.cancel()
    await settle()


async def a_call_cancels_one_of_its_own_pass():
    loop = asyncio.get_running_loop()
    loop.call_soon(lambda: handle.cancel())
    handle = loop.call_soon(say, "b")
    loop.call_soon(say, "c")
    await settle()


async def timers_fire_in_the_order_of_deadlines():
    loop = asyncio.get_running_loop()
    start = loop.time()
    for name, delay in (("c", 15), ("a", 5), ("b", 10)):
        loop.call_at(start + delay * MS, say, name)
    say("main")
    await asyncio.sleep(20 * MS)


async def timers_by_delay_fire_in_order():
    loop = asyncio.get_running_loop()
    for name, delay in (("a", 2), ("b", 4), ("c", 6)):
        loop.call_later(delay * MS, say, name)
    await asyncio.sleep(8 * MS)
    say("main")


@differs(python="a\nc\nb\nd\ne", cede="a\nb\nc\nd\ne")
async def timers_of_one_deadline():
    """asyncio keeps timers in a heap, which forgets the order of equals."""
    loop = asyncio.get_running_loop()
    start = loop.time()
    for name in "abcde":
        loop.call_at(start + 5 * MS, say, name)
    await asyncio.sleep(10 * MS)


async def a_cancelled_timer_does_not_fire():
    loop = asyncio.get_running_loop()
    loop.call_later(2 * MS, say, "a")
    handle = loop.call_later(4 * MS, say, "b")
    loop.call_later(6 * MS, say, "c")
    handle.cancel()
    await asyncio.sleep(8 * MS)


async def a_timer_cancels_a_later_one():
    loop = asyncio.get_running_loop()
    start = loop.time()
    loop.call_at(start + 2 * MS, lambda: later.cancel())
    later = loop.call_at(start + 6 * MS, say, "later")
    loop.call_at(start + 4 * MS, say, "between")
    await asyncio.sleep(8 * MS)


async def a_timer_that_is_past_fires_soon():
    loop = asyncio.get_running_loop()
    loop.call_at(loop.time() - 1, say, "past")
    say("main")
    await asyncio.sleep(2 * MS)


def stop_lets_the_pass_end():
    loop = asyncio.new_event_loop()

    def stop():
        say("stop")
        loop.stop()
        loop.call_soon(say, "next run")

    loop.call_soon(stop)
    loop.call_soon(say, "same pass")
    loop.run_forever()
    say("stopped")
    loop.call_soon(loop.stop)
    loop.run_forever()
    say("again")
    loop.close()


def stop_before_the_run_lets_one_pass_run():
    loop = asyncio.new_event_loop()

    def first():
        say("first")
        loop.call_soon(say, "never")

    loop.call_soon(first)
    loop.stop()
    loop.run_forever()
    say("stopped")
    loop.close()


def calls_that_are_due_at_close_are_dropped():
    loop = asyncio.new_event_loop()
    loop.call_soon(loop.stop)
    loop.run_forever()
    loop.call_soon(say, "never")
    loop.call_later(NEVER, say, "never")
    loop.close()
    say("closed")


async def a_reader_is_called_while_there_is_something_to_read():
    loop = asyncio.get_running_loop()
    reader, writer = os.pipe()
    done = asyncio.Event()

    def read():
        byte = os.read(reader, 1).decode()
        say(f"read {byte}")
        if byte == "c":
            say(f"removed: {yes(loop.remove_reader(reader))}")
            done.set()

    loop.add_reader(reader, read)
    os.write(writer, b"abc")
    await done.wait()
    say(f"removed again: {yes(loop.remove_reader(reader))}")
    os.close(reader)
    os.close(writer)


async def a_second_reader_replaces_the_first():
    loop = asyncio.get_running_loop()
    reader, writer = os.pipe()
    done = asyncio.Event()

    def second():
        say("second")
        loop.remove_reader(reader)
        done.set()

    loop.add_reader(reader, say, "first")
    loop.add_reader(reader, second)
    os.write(writer, b"x")
    await done.wait()
    os.close(reader)
    os.close(writer)


async def a_writer_is_called_at_once():
    loop = asyncio.get_running_loop()
    reader, writer = os.pipe()
    done = asyncio.Event()

    def write():
        say("writable")
        loop.remove_writer(writer)
        done.set()

    loop.add_writer(writer, write)
    await done.wait()
    os.close(reader)
    os.close(writer)


async def a_signal_calls_its_function():
    loop = asyncio.get_running_loop()
    done = asyncio.Event()

    def caught():
        say("caught")
        done.set()

    loop.add_signal_handler(signal.SIGUSR1, caught)
    os.kill(os.getpid(), signal.SIGUSR1)
    say("sent")
    await done.wait()
    say(f"removed: {yes(loop.remove_signal_handler(signal.SIGUSR1))}")
    say(f"removed again: {yes(loop.remove_signal_handler(signal.SIGUSR1))}")


async def posts_arrive_in_order():
    loop = asyncio.get_running_loop()
    done = asyncio.Event()
    for name in "abc":
        loop.call_soon_threadsafe(say, name)
    loop.call_soon_threadsafe(done.set)
    say("main")
    await done.wait()
