"""What can be changed."""

from __future__ import annotations

import strawberry

from gql.assigned_queues import AssigningQueues
from gql.call_recording import CallRecording
from gql.lifecycle import Lifecycle
from gql.membership import Assigning
from gql.operating import Operating
from gql.provisioning import Provisioning
from gql.signing_in import SigningIn
from gql.structure import Structure


@strawberry.type(
    description="Entry points for changing. Every mutation reports problems that the caller can solve in `errors` of "
    "its payload."
)
class Mutation(SigningIn, Provisioning, Lifecycle, Assigning, Structure, AssigningQueues, CallRecording, Operating):
    pass
