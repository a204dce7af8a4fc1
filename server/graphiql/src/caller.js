// Who is signed in, and how requests show it: by a cookie that scripts cannot read, or by a token kept in memory.
import { useSyncExternalStore } from "react";
import { send } from "./sending.js";
import { settings } from "./settings.js";

const WHO = "query Who { viewer { kind actor { displayName ... on User { email } } organization { name } } }";
const SIGN_IN = `mutation SignIn($input: SignInInput!) {
  signIn(input: $input) { ${settings.cookies ? "" : "token"} passwordChangeRequired errors { message } }
}`;
const CHANGE_PASSWORD = `mutation ChangePassword($input: ChangePasswordInput!) {
  changePassword(input: $input) { errors { message } }
}`;
const SIGN_OUT = "mutation SignOut { signOut { errors { message } } }";

const listeners = new Set();
// `mustChange`: the password is for a single use, and nothing else is answered until it is changed.
let state = { caller: null, token: null, mustChange: false };

function change(changes) {
  state = { ...state, ...changes };
  listeners.forEach((listener) => listener());
}

export function bearer() {
  return state.token;
}

export function known() {
  return state.caller !== null;
}

// The gateway says that it knows nobody: the session has ended.
export function lost() {
  if (state.caller) change({ caller: null, token: null, mustChange: false });
}

export function useCaller() {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => state,
  );
}

// Ask who the caller is; null when nobody is known.
export async function refresh() {
  const { data, errors } = await send({ query: WHO });
  change({ caller: data?.viewer ?? null });
  return data?.viewer ? null : (errors?.[0]?.message ?? "Nobody is signed in.");
}

// Each answers what went wrong, or null.
export async function signIn(email, password, surface) {
  change({ token: null });
  const { data, errors } = await send({ query: SIGN_IN, variables: { input: { email, password, surface } } });
  const problem = errors?.[0] ?? data.signIn.errors[0];
  if (problem) return problem.message;
  if (!settings.cookies) change({ token: data.signIn.token });
  change({ mustChange: data.signIn.passwordChangeRequired });
  return refresh();
}

export async function changePassword(currentPassword, newPassword) {
  const { data, errors } = await send({ query: CHANGE_PASSWORD, variables: { input: { currentPassword, newPassword } } });
  const problem = errors?.[0] ?? data.changePassword.errors[0];
  if (problem) return problem.message;
  change({ mustChange: false });
  return null;
}

export async function takeToken(token) {
  change({ token });
  const problem = await refresh();
  if (problem) change({ token: null });
  return problem;
}

// Whoever comes next finds neither answers nor the schema: the page is loaded anew.
export async function signOut() {
  if (state.caller?.kind === "USER") {
    const { data, errors } = await send({ query: SIGN_OUT });
    const problem = data?.signOut?.errors[0] ?? errors?.[0];
    if (problem && errors?.[0]?.extensions?.code !== "UNAUTHENTICATED") return problem.message;
  }
  location.reload();
  return new Promise(() => {});
}
