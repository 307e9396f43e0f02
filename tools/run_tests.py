"""Runs a build directory's tests with ctest, shows one line for each and the output of those that
failed, and ends with "N passed, N failed", which counts test cases: Check's, pytest's, and one for
each program that has no cases of its own. A program that crashes or hangs is at least one failure.

    run_tests.py DIRECTORY [ctest arguments]
"""

import re
import subprocess
import sys

OUTPUT = re.compile(r"^(\d+): (.*)$")
PREAMBLE_END = "Test timeout computed to be:"  # After the command and its environment.
RESULT = re.compile(r"^\s*\d+/\d+ Test\s+#(\d+): (\S+) \.*\s*(\**)(.*?)\s+([\d.]+) sec")
CHECK = re.compile(r"\d+%: Checks: (\d+), Failures: (\d+), Errors: (\d+)")
PYTEST = re.compile(r"\b(\d+) (passed|failed|errors?|xpassed)\b")
PYTEST_END = re.compile(r"\b(passed|failed|errors?|skipped|deselected)\b.* in [\d.]+s")
SKIPPED = re.compile(r"^SKIPPED \[\d+\] (.*)$")


def count(lines):
    """How many cases passed and failed according to a test program's own output."""
    passed = failed = 0
    for line in lines:
        if match := CHECK.search(line):
            checks, failures, errors = map(int, match.groups())
            passed += checks - failures - errors
            failed += failures + errors
        elif PYTEST_END.search(line):
            for number, what in PYTEST.findall(line):
                if what == "passed":
                    passed += int(number)
                else:
                    failed += int(number)
    return passed, failed


def verdict(status, lines):
    """The same, made to agree with how the program ended."""
    passed, failed = count(lines)
    if status != "Passed":
        return passed, max(failed, 1)
    if passed + failed == 0 and not any(PYTEST_END.search(line) for line in lines):
        passed = 1
    return passed, failed


def run(directory, arguments):
    command = ["ctest", "-V", "--no-tests=error", *arguments]
    ctest = subprocess.Popen(command, cwd=directory, stdout=subprocess.PIPE,
                             stderr=subprocess.STDOUT, text=True, errors="replace")
    output, passed, failed = {}, 0, 0
    for line in ctest.stdout:
        if match := OUTPUT.match(line):
            if match[2].startswith(PREAMBLE_END):
                output[match[1]] = []
            else:
                output.setdefault(match[1], []).append(match[2])
        elif match := RESULT.match(line):
            number, name, _, status, seconds = match.groups()
            lines = output.pop(number, [])
            good, bad = verdict(status, lines)
            passed, failed = passed + good, failed + bad
            print(f"{'ok  ' if not bad else 'FAIL'} {name:<40} {good:>4} passed"
                  f"{f', {bad} failed' if bad else '':<12} {float(seconds):>7.1f} s", flush=True)
            if bad:
                print(f"     {name}: {status}")
            shown = lines if bad else [text for text in lines if SKIPPED.match(text)]
            for text in shown:
                print(f"     {text}")
        elif "error" in line.lower() or "no tests were found" in line.lower():
            print(line, end="")
    if ctest.wait() != 0 and failed == 0:
        print(f"ctest itself failed: {' '.join(command)}")
        failed = 1
    return passed, failed


def main():
    passed, failed = run(sys.argv[1], sys.argv[2:])
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
