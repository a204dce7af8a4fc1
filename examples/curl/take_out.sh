#!/bin/sh
# Takes one person out, named by mail address, and tells what became of it.
#
#   GATEWAY_URL=http://127.0.0.1:8000/graphql GATEWAY_KEY=rql_… ./take_out.sh somebody@example.org
set -eu

curl --silent --show-error --fail-with-body "$GATEWAY_URL" \
  --header "Authorization: Bearer $GATEWAY_KEY" \
  --header "Content-Type: application/json" \
  --data @- <<BODY
{
  "query": "mutation TakeOut(\$email: String!) { deactivateUsers(input: {target: {emails: [\$email]}}) { errors { code message } failed { key errors { code message } } operation { totals { succeeded unchanged } } } }",
  "variables": {"email": "$1"}
}
BODY
