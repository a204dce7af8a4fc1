// What a dashboard does, on a terminal: sign in, list people page by page, take some out, and say what became of each.
//
//   node dashboard.ts people [--deactivated] [WORDS]
//   node dashboard.ts take-out MAIL…
//
// GATEWAY_URL is the address of the API. Either GATEWAY_KEY is an API key, or GATEWAY_MAIL and GATEWAY_PASSWORD sign a
// person in. Exit code 1 if somebody could not be taken out, 2 if nothing could be asked.
import { parseArgs } from "node:util";
import {
  CallerDocument,
  MoreOutcomesDocument,
  PeopleDocument,
  SignInDocument,
  SignOutDocument,
  TakeOutDocument,
  type CallerQuery,
  type OutcomesFragment,
  type PeopleQuery,
} from "./documents.ts";
import { Gateway, Refused } from "./gateway.ts";

type Viewer = NonNullable<CallerQuery["viewer"]>;
type Person = NonNullable<PeopleQuery["users"]>["nodes"][number];
type Outcome = OutcomesFragment["nodes"][number];

/** Sign somebody in; the session is shown with every request from now on. */
async function signIn(gateway: Gateway, email: string, password: string): Promise<void> {
  const { signIn } = await gateway.ask(SignInDocument, { email, password });
  const [error] = signIn?.errors ?? [];
  if (error !== undefined) throw new Refused(error.code, error.message);
  if (signIn?.passwordChangeRequired) {
    throw new Refused("PASSWORD_CHANGE_REQUIRED", "This password is for a single use: change it with changePassword.");
  }
  gateway.use(signIn?.token ?? null);
}

/** Everybody who matches, page after page. */
async function* people(gateway: Gateway, first: number, search: string | null, showDeactivated: boolean) {
  let after: string | null = null;
  do {
    const { users }: PeopleQuery = await gateway.ask(PeopleDocument, { first, after, search, showDeactivated });
    if (users === null) return;
    yield users;
    after = users.pageInfo.hasNextPage ? users.pageInfo.endCursor : null;
  } while (after !== null);
}

/** Take people out, as many at a time as one request may; what became of each. */
async function* takeOut(gateway: Gateway, limits: Viewer["limits"], emails: string[]): AsyncGenerator<Outcome> {
  const first = limits.maxPageSize;
  for (let done = 0; done < emails.length; done += limits.maxInlineTargets) {
    const batch = emails.slice(done, done + limits.maxInlineTargets);
    const { deactivateUsers } = await gateway.ask(TakeOutDocument, { emails: batch, reason: "LEAVE", first });
    const [error] = deactivateUsers?.errors ?? []; // of the request as a whole: nobody was taken out
    if (error !== undefined) throw new Refused(error.code, `${error.message} (${error.path?.join(".") ?? "input"})`);
    const operation = deactivateUsers?.operation;
    let items: OutcomesFragment | undefined = operation?.items;
    while (items !== undefined) {
      yield* items.nodes;
      if (!items.pageInfo.hasNextPage) break;
      const variables = { operation: operation!.id, first, after: items.pageInfo.endCursor };
      items = (await gateway.ask(MoreOutcomesDocument, variables)).bulkOperation?.items;
    }
  }
}

function described(person: Person): string {
  const teams = person.teams.nodes.map((team) => team.name).join(", ");
  const out = person.deactivation;
  const state = out ? `out since ${out.deactivatedAt.slice(0, 10)}` : person.presence.state.toLowerCase();
  return [person.displayName, person.email ?? "–", state, teams || "–"].join("\t");
}

function told({ key, outcome, user, errors }: Outcome): string {
  const who = user?.displayName ?? key;
  switch (outcome) {
    case "SUCCEEDED":
      return `${who}: taken out`;
    case "UNCHANGED":
      return `${who}: was out already`;
    default: // FAILED, SKIPPED, and what a later version may add
      return `${who}: ${outcome}, ${errors.map((error) => `${error.code} (${error.message})`).join(", ")}`;
  }
}

async function main(): Promise<number> {
  const { positionals, values } = parseArgs({ allowPositionals: true, options: { deactivated: { type: "boolean" } } });
  const [command, ...rest] = positionals;
  const { GATEWAY_URL, GATEWAY_KEY, GATEWAY_MAIL, GATEWAY_PASSWORD } = process.env;
  if (!GATEWAY_URL || !(GATEWAY_KEY || (GATEWAY_MAIL && GATEWAY_PASSWORD))) {
    throw new Refused("USAGE", "GATEWAY_URL is needed, and GATEWAY_KEY or GATEWAY_MAIL and GATEWAY_PASSWORD.");
  }
  if (command !== "people" && (command !== "take-out" || rest.length === 0)) {
    throw new Refused("USAGE", "node dashboard.ts people [--deactivated] [WORDS] | take-out MAIL…");
  }
  const gateway = new Gateway(GATEWAY_URL, GATEWAY_KEY ?? null);
  if (!GATEWAY_KEY) await signIn(gateway, GATEWAY_MAIL!, GATEWAY_PASSWORD!);
  try {
    const { viewer } = await gateway.ask(CallerDocument, {});
    if (viewer === null) throw new Refused("UNAUTHENTICATED", "Nobody is signed in.");
    console.error(`${viewer.actor.displayName} of ${viewer.organization.name}`);
    if (command === "take-out") return await take(gateway, viewer, rest);
    return await list(gateway, viewer, rest.join(" ") || null, values.deactivated ?? false);
  } finally {
    if (!GATEWAY_KEY) await gateway.ask(SignOutDocument, {});
  }
}

async function list(gateway: Gateway, viewer: Viewer, search: string | null, deactivated: boolean): Promise<number> {
  let shown = 0;
  for await (const page of people(gateway, Math.min(50, viewer.limits.maxPageSize), search, deactivated)) {
    for (const person of page.nodes) console.log(described(person));
    shown += page.nodes.length;
    const hidden = page.hiddenDeactivatedCount ? `, ${page.hiddenDeactivatedCount} deactivated not shown` : "";
    if (!page.pageInfo.hasNextPage) console.error(`${shown} of ${page.totalCount}${hidden}`);
  }
  return 0;
}

async function take(gateway: Gateway, viewer: Viewer, emails: string[]): Promise<number> {
  // A page would not show the button.
  if (!viewer.permissions.some(({ permission }) => permission === "USERS_DEACTIVATE")) {
    throw new Refused("FORBIDDEN", "This caller may deactivate nobody.");
  }
  let failed = 0;
  for await (const outcome of takeOut(gateway, viewer.limits, emails)) {
    console.log(told(outcome));
    if (outcome.outcome === "FAILED" || outcome.outcome === "SKIPPED") failed += 1;
  }
  return failed > 0 ? 1 : 0;
}

process.stdout.on("error", () => process.exit()); // whoever reads has seen enough: | head
try {
  process.exitCode = await main();
} catch (problem) {
  if (!(problem instanceof Refused)) throw problem;
  console.error(`${problem.code}: ${problem.message}`);
  process.exitCode = 2;
}
