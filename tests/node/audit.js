// The audits of graphql-http against the address that is given; prints one object a line of its findings.
import { auditServer } from "graphql-http";

const [url, token] = process.argv.slice(2);
const fetchFn = (input, init = {}) =>
  fetch(input, { ...init, headers: { authorization: `Bearer ${token}`, ...init.headers } });
for (const result of await auditServer({ url, fetchFn })) {
  console.log(JSON.stringify({ id: result.id, name: result.name, status: result.status, reason: result.reason }));
}
