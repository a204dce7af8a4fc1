"""What the play sends."""

_OPERATION = """
    errors { code message }
    failed { key errors { code message } }
    operation {
      id
      status
      totals { succeeded unchanged failed skipped sessionsEnded teamsLeft queuesLeft contactsEnded seatsFreed }
    }
"""


def _change(mutation: str) -> str:
    name = mutation[0].upper() + mutation[1:]
    return f"mutation {name}($input: {name}Input!) {{\n  {mutation}(input: $input) {{{_OPERATION}  }}\n}}"


DEACTIVATE = _change("deactivateUsers")
REACTIVATE = _change("reactivateUsers")
FORCE_OFFLINE = _change("forceUsersOffline")
RESUME = _change("resumeUsersOnline")
SIGN_OUT = _change("signOutUsers")
ASSIGN_TEAMS = _change("assignTeams")
ASSIGN_QUEUES = _change("assignQueues")

PLAN = """
mutation PlanDeactivation($input: DeactivateUsersInput!) {
  deactivateUsers(input: $input) {
    errors { code message }
    failed { key errors { code message } }
    operation {
      id
      dryRun
      status
      totals { succeeded unchanged failed skipped sessionsEnded teamsLeft queuesLeft contactsEnded seatsFreed }
      items(first: 25) { nodes { outcome user { id displayName } effects { description } } }
    }
  }
}
""".strip()

UNDO = f"""
mutation UndoOperation($input: UndoBulkOperationInput!) {{
  undoBulkOperation(input: $input) {{{_OPERATION}  }}
}}
""".strip()

LIST = """
query List($filter: UserFilterInput) {
  users(filter: $filter, first: 25) {
    nodes { id displayName email status teams { totalCount } queues(source: [DIRECT]) { totalCount } }
    hiddenDeactivatedCount
  }
}
""".strip()

SIGN_IN = """
mutation SignIn($input: SignInInput!) {
  signIn(input: $input) {
    errors { code }
    token
    passwordChangeRequired
    session { surface }
  }
}
""".strip()

CHANGE_PASSWORD = """
mutation ChangePassword($input: ChangePasswordInput!) {
  changePassword(input: $input) { errors { code message } }
}
""".strip()

VIEWER = """
query Viewer {
  viewer {
    session { surface }
    actor { displayName ... on User { id presence { state } } }
  }
}
""".strip()

PEOPLE = """
query People($ids: [ID!]!) {
  nodes(ids: $ids) {
    ... on User {
      id
      displayName
      status
      version
      roles
      profile { kind }
      presence { state }
      effectiveLicense { name }
      teams { nodes { id name } }
      queues {
        edges {
          node { id name }
          origins { source team { id } skillGroup { id } }
        }
      }
      sessions(open: true) { totalCount }
      signInBlock { reason setBy { displayName } }
      deactivation {
        reason
        deactivatedAt
        removedTeams { id }
        removedQueues { id }
      }
    }
  }
}
""".strip()

AROUND = """
query Around($ids: [ID!]!) {
  nodes(ids: $ids) {
    ... on Team {
      id
      name
      active
      queues { nodes { id } }
      members(first: 100) { totalCount totalCountPrecision nodes { id } }
    }
    ... on Queue {
      id
      name
      active
      activeAgentCount
      teams { nodes { id } }
      direct: members(source: [DIRECT], first: 100) { nodes { id } }
    }
  }
}
""".strip()

CALLS = """
query Calls($ids: [ID!]!) {
  nodes(ids: $ids) {
    ... on User {
      id
      status
      callRecords(first: 50) {
        totalCount
        nodes { externalId startedAt endedAt endedBy team { name } queue { name } }
      }
    }
  }
}
""".strip()

CALLS_OF_A_TEAM = """
query CallsOfATeam($filter: CallRecordFilterInput) {
  callRecords(filter: $filter, first: 50) {
    nodes { externalId team { name } user { id displayName status } }
  }
}
""".strip()

DEACTIVATED_ONLY = """
query DeactivatedOnly {
  users(
    filter: {status: {eq: DEACTIVATED}}
    orderBy: [{field: DEACTIVATED_AT, direction: DESC}]
    first: 25
  ) {
    nodes { id displayName status deactivation { deactivatedAt reason } }
  }
}
""".strip()

SEATS = """
query Seats {
  licenses {
    nodes { name seats { granted pool available } }
  }
}
""".strip()

HISTORY = """
query History($id: ID!) {
  user(by: {id: $id}) {
    id
    displayName
    auditEvents(first: 40) {
      nodes { action reason operation { id } }
    }
  }
}
""".strip()
