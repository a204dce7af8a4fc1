"""Takes the people out whose mail addresses stand in a file, one a line, and reports what became of each.

    GATEWAY_URL=http://127.0.0.1:8000/graphql GATEWAY_KEY=rql_… python take_out.py leavers.txt

It may be started again at any time: whoever is out already is counted as unchanged. Needs httpx2.
Exit code 1 if somebody could not be taken out, 2 if nothing could be asked.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx2

LIMITS = "{ viewer { limits { maxBulkTargets } } }"
TAKE_OUT = """
mutation TakeOut($emails: [String!]!, $key: String!) {
  deactivateUsers(input: {idempotencyKey: $key, target: {emails: $emails}, reason: LEAVE}) {
    errors { code message }
    operation { id }
  }
}
"""
PROGRESS = """
query Progress($operation: ID!, $after: String) {
  bulkOperation(id: $operation) {
    status
    progress { total processed }
    totals { succeeded unchanged failed skipped }
    items(outcome: [FAILED, SKIPPED], first: 100, after: $after) {
      nodes { key errors { message } }
      pageInfo { hasNextPage endCursor }
    }
  }
}
"""
PAUSES_S = (0.5, 1, 2, 4)  # before each further attempt


class Refused(Exception):
    """The gateway did nothing, and says why."""


def ask(client: httpx2.Client, document: str, variables: dict[str, Any] | None = None) -> dict[str, Any]:
    """The data of an answer. A gateway that is busy or away is asked again: every change may be repeated."""
    for pause in (*PAUSES_S, None):
        try:
            response = client.post(os.environ["GATEWAY_URL"], json={"query": document, "variables": variables or {}})
        except httpx2.TransportError:
            if pause is None:
                raise
            time.sleep(pause)
            continue
        if response.status_code in (429, 503) and pause is not None:
            time.sleep(float(response.headers.get("Retry-After", pause)))
            continue
        break
    try:
        answer = response.json()
    except ValueError:
        raise Refused(f"Status {response.status_code} without an answer: is this the address of the API?") from None
    for error in answer.get("errors", ()):
        extensions = error["extensions"]
        raise Refused(f"{extensions['code']}: {error['message']} (request {extensions['requestId']})")
    return dict(answer["data"])


def followed(client: httpx2.Client, operation: str) -> dict[str, Any]:
    """An operation when it has ended: large ones go on after the answer."""
    while True:
        found = ask(client, PROGRESS, {"operation": operation})["bulkOperation"]
        if found["status"] not in ("QUEUED", "RUNNING"):
            return dict(found)
        print("{processed} of {total}".format(**found["progress"]), file=sys.stderr)
        time.sleep(1)


def left(client: httpx2.Client, operation: str, items: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Whoever was not taken out, page after page."""
    yield from items["nodes"]
    while items["pageInfo"]["hasNextPage"]:
        variables = {"operation": operation, "after": items["pageInfo"]["endCursor"]}
        items = ask(client, PROGRESS, variables)["bulkOperation"]["items"]
        yield from items["nodes"]


def batches(emails: list[str], size: int) -> Iterator[list[str]]:
    """The addresses, so many at a time."""
    rest = iter(emails)
    while batch := list(islice(rest, size)):
        yield batch


def main(file: str) -> int:
    """Take everybody out; the exit code."""
    emails = [line.strip() for line in Path(file).read_text("utf-8").splitlines() if line.strip()]
    headers = {"Authorization": f"Bearer {os.environ['GATEWAY_KEY']}"}
    failed = 0
    with httpx2.Client(headers=headers, timeout=60) as client:
        size = ask(client, LIMITS)["viewer"]["limits"]["maxBulkTargets"]
        for batch in batches(emails, size):
            # Asked again under the same key, when no answer came, it is still done once.
            payload = ask(client, TAKE_OUT, {"emails": batch, "key": str(uuid4())})["deactivateUsers"]
            for error in payload["errors"]:
                raise Refused(f"{error['code']}: {error['message']}")
            operation = payload["operation"]["id"]
            done = followed(client, operation)
            for item in left(client, operation, done["items"]):
                print(f"{item['key']}: {', '.join(error['message'] for error in item['errors']) or 'left alone'}")
            totals = done["totals"]
            failed += totals["failed"] + totals["skipped"]
            print(f"{totals['succeeded']} taken out, {totals['unchanged']} were out already, {totals['failed']} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1]))
    except (Refused, httpx2.HTTPError, KeyError, IndexError, OSError) as problem:
        print(f"Nothing more was done. {type(problem).__name__}: {problem}", file=sys.stderr)
        sys.exit(2)
