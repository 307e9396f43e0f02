"""What the Python side of the scenarios shares (see parity.h for the rules)."""

import asyncio
import contextlib
import errno
import inspect
import io

MS = 0.001
NEVER = 60


def say(text):
    print(text)


async def outcome(awaitable):
    """Awaits, and tells what came of it in the words that both languages share."""
    try:
        result = await awaitable
    except asyncio.CancelledError:
        return "cancelled"
    except asyncio.TimeoutError:
        return "timeout"
    except OSError as error:
        return errno.errorcode[error.errno]
    return str(int(result or 0))


def yes(condition):
    return "yes" if condition else "no"


def refused(function, *args):
    try:
        function(*args)
    except Exception:
        return "refused"
    return "done"


def go(coroutine):
    return asyncio.get_running_loop().create_task(coroutine)


async def ended(name, task):
    say(f"{name}: {await outcome(task)}")


async def settle():
    for _ in range(10):
        await asyncio.sleep(0)


def fail(name):
    """Raises the error that C knows as -NAME."""
    number = getattr(errno, name)
    raise OSError(number, name)


def differs(python, cede):
    """Marks a scenario of which the two traces differ on purpose; its docstring says why."""
    def mark(scenario):
        assert scenario.__doc__, "a difference needs a reason"
        scenario.differs = (python, cede)
        return scenario
    return mark


def scenarios(module):
    """The scenarios of a topic by name, in order: the public functions that take nothing."""
    return {name: value for name, value in vars(module).items()
            if inspect.isfunction(value) and value.__module__ == module.__name__
            and not name.startswith("_")}


def trace(scenario):
    """Runs it and returns what it says."""
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        if asyncio.iscoroutinefunction(scenario):
            asyncio.run(scenario())
        else:
            scenario()
    return said.getvalue().splitlines()
