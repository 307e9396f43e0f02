"""Task-locals, which are Python's context variables."""

import asyncio
import contextvars

from parity import differs, go, say, settle

_user = contextvars.ContextVar("user", default="nobody")


async def _tell(name):
    say(f"{name}: {_user.get()}")


async def _change(name):
    _user.set(name)
    await asyncio.sleep(0)
    await _tell(name)


async def a_local_has_a_value_at_first():
    await _tell("main")
    _user.set("ada")
    await _tell("main")


async def a_task_inherits_at_the_spawn():
    _user.set("ada")
    task = go(_tell("child"))
    _user.set("eve")
    await task
    await _tell("main")


async def a_child_changes_only_its_own():
    _user.set("ada")
    await go(_change("child"))
    await _tell("main")


async def siblings_do_not_see_each_other():
    for task in [go(_change(name)) for name in "abc"]:
        await task


async def a_grandchild_inherits_from_its_parent():
    async def child():
        _user.set("eve")
        await go(_tell("grandchild"))

    _user.set("ada")
    await go(child())
    await _tell("main")


async def a_change_can_be_taken_back():
    _user.set("ada")
    token = _user.set("eve")
    await _tell("inside")
    _user.reset(token)
    await _tell("after")


@differs(python="ada", cede="nobody")
async def callbacks_and_locals():
    """asyncio runs a callback in the context of who asked for it; in cede it belongs to the loop,
    where every local has its initial value."""
    _user.set("ada")
    asyncio.get_running_loop().call_soon(lambda: say(_user.get()))
    await settle()
