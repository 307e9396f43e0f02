"""Coroutines below the tasks, which have the semantics of Python's generators."""

import errno

from parity import fail, say


def _told(function, *args):
    """Resumes, and tells what came of it."""
    try:
        say(f"yields {function(*args)}")
    except StopIteration as end:
        say(f"returns {end.value or 0}")
    except GeneratorExit:
        say("cancelled")
    except OSError as error:
        say(errno.errorcode[error.errno])
    except TypeError:
        say("EINVAL")
    except ValueError:
        say("EBUSY")


def _count():
    for i in (1, 2):
        say(f"is sent {(yield i) or 0}")
    return 3


def _catch():
    try:
        yield 1
    except OSError as error:
        say(f"catches {errno.errorcode[error.errno]}")
    yield 2


def _clean_up():
    try:
        yield 1
    finally:
        say("cleans up")


def _delegate(inner):
    say(f"inner returned {yield from inner}")
    return 9


def a_generator_is_run_to_its_end():
    generator = _count()
    say("made")
    for value in (None, 7, 8):
        _told(generator.send, value)


def a_finished_generator_says_so():
    generator = _count()
    for _ in range(4):
        _told(generator.send, None)


def a_fresh_generator_takes_nothing():
    generator = _count()
    _told(generator.send, 1)
    _told(generator.send, None)


def an_error_is_thrown_in_and_caught():
    generator = _catch()
    _told(generator.send, None)
    _told(generator.throw, OSError(errno.EIO, "EIO"))
    _told(generator.send, None)


def an_error_that_is_not_caught_comes_back():
    generator = _clean_up()
    _told(generator.send, None)
    _told(generator.throw, OSError(errno.EPIPE, "EPIPE"))
    _told(generator.send, None)


def an_error_for_a_fresh_generator_comes_back():
    generator = _clean_up()
    _told(generator.throw, OSError(errno.EPIPE, "EPIPE"))
    _told(generator.send, None)


def close_runs_the_clean_up():
    generator = _clean_up()
    _told(generator.send, None)
    generator.close()
    say("closed")
    generator.close()
    say("closed again")


def close_of_a_fresh_generator_runs_nothing():
    generator = _clean_up()
    generator.close()
    say("closed")


def a_generator_that_yields_during_close_is_refused():
    def stubborn():
        try:
            yield 1
        except GeneratorExit:
            yield 2

    generator = stubborn()
    _told(generator.send, None)
    try:
        generator.close()
    except RuntimeError:
        say("refused")
    _told(generator.send, None)


def a_generator_cannot_resume_itself():
    def suicide():
        _told(generator.send, None)
        yield 1

    generator = suicide()
    _told(generator.send, None)


def a_generator_delegates():
    generator = _delegate(_count())
    for value in (None, 7, 8):
        _told(generator.send, value)


def a_throw_reaches_the_inner_one():
    generator = _delegate(_catch())
    _told(generator.send, None)
    _told(generator.throw, OSError(errno.EIO, "EIO"))
    _told(generator.send, None)


def a_close_reaches_the_inner_one():
    generator = _delegate(_clean_up())
    _told(generator.send, None)
    generator.close()
    say("closed")


def an_error_of_the_first_step_is_told():
    def raising():
        fail("EIO")
        yield 1

    _told(raising().send, None)


def two_generators_take_turns():
    pair = [_count(), _count()]
    for _ in range(3):
        for generator in pair:
            _told(generator.send, None)
