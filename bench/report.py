"""Medians, spreads and tables: what the benchmark runners share."""

import json
import os
import platform
import statistics
import sys


def median(samples):
    return statistics.median(samples)


def spread(samples):
    """Half the distance between the quartiles, as a share of the median: how much to trust it."""
    if len(samples) < 2:
        return 0.0
    low, _, high = statistics.quantiles(samples, n=4, method="inclusive")
    return (high - low) / 2 / median(samples)


def summary(samples):
    return {"median": median(samples), "spread": spread(samples), "samples": samples}


def ratio(samples, floor):
    """The median of the rounds' own ratios: neighbours in time share the machine's mood."""
    return median([a / b for a, b in zip(samples, floor)])


def table(header, rows):
    """Prints rows under a header, the first column flush left and the others flush right."""
    widths = [max(len(row[i]) for row in [header, *rows]) for i in range(len(header))]
    for row in [header, *rows]:
        first, *rest = (cell.ljust(widths[0]) if i == 0 else cell.rjust(widths[i])
                        for i, cell in enumerate(row))
        print("  ".join([first, *rest]).rstrip())


def write_json(path, question, results):
    """Writes the results with what is needed to compare them: the kernel and the CPU count."""
    document = {"question": question, "kernel": platform.release(),
                "machine": platform.machine(), "cpus": os.cpu_count(), "results": results}
    with open(path, "w", encoding="utf-8") as file:
        json.dump(document, file, indent=2)
        file.write("\n")


def progress(text):
    """Says on standard error what is being measured, where somebody may be watching."""
    if sys.stderr.isatty():
        print(f"\r{text:<78}", end="" if text else "\r", file=sys.stderr, flush=True)
