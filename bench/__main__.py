"""`python -m bench bulk`: measure, print the figures, and end with 1 when a bound is missed."""

from __future__ import annotations

import argparse
import logging
import sys

import structlog

from bench.bulk import LEAST_RATE, MOST_MEMORY, MOST_WAITING, measured, summary

NAMES = {"sqlite": "sqlite", "postgres": "postgresql", "postgresql": "postgresql"}


def main() -> None:
    """Measure from the command line."""
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measure the product.")
    commands = parser.add_subparsers(required=True, metavar="what")
    bulk = commands.add_parser(
        "bulk",
        help="people deactivated by a filter, and the same rows written by hand",
        description=f"Bounds: at least {LEAST_RATE} of the people per second by hand, at most {MOST_MEMORY} times the "
        f"memory for a tenth of the people, W1 below {MOST_WAITING} times its usual p99.",
    )
    bulk.add_argument("--db", choices=sorted(NAMES), help="both when left out")
    bulk.add_argument("--users", type=int, default=100_000, help="people to deactivate, at most 100,000")
    bulk.add_argument("--seed", type=int, default=1)
    bulk.add_argument("--rounds", type=int, default=1, help="of them the middle one counts for the rate")
    terms = parser.parse_args()
    if not 10 <= terms.users <= 100_000 or terms.rounds < 1:
        parser.error("10 to 100,000 people, and at least one round")
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    kinds = [NAMES[terms.db]] if terms.db else ["sqlite", "postgresql"]
    found = []
    for kind in kinds:
        found.append(measured(kind, terms.users, terms.seed, terms.rounds))
        print(found[-1], flush=True)
    print(summary(found))
    sys.exit(0 if all(each.within for each in found) else 1)


if __name__ == "__main__":
    main()
