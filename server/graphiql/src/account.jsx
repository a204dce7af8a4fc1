import { useGraphiQL, useGraphiQLActions } from "@graphiql/react";
import { useState } from "react";
import { changePassword, signIn, signOut, takeToken, useCaller } from "./caller.js";

function Figure() {
  return (
    <svg viewBox="0 0 24 24" height="1em" width="1em" fill="none" stroke="currentColor" strokeWidth="1.5" aria-hidden>
      <circle cx="12" cy="8" r="4.25" />
      <path d="M3.5 21c1-4.5 4.5-6.5 8.5-6.5s7.5 2 8.5 6.5" />
    </svg>
  );
}

function Account() {
  const { introspect } = useGraphiQLActions();
  const responseEditor = useGraphiQL((state) => state.responseEditor);
  const { caller, mustChange } = useCaller();
  const [problem, setProblem] = useState(null);
  const [done, setDone] = useState(null);
  const [busy, setBusy] = useState(false);

  // Forms are handled here: the page's policy lets none be sent by the browser itself.
  function handled(work, words = null) {
    return async (event) => {
      event.preventDefault();
      const form = event.target;
      setBusy(true);
      setDone(null);
      const said = await work(new FormData(form));
      setBusy(false);
      setProblem(said);
      if (said) return;
      form.reset();
      setDone(words);
      responseEditor.setValue(""); // it is another caller's
      introspect();
    };
  }

  return (
    <section className="rosterql-pane" aria-label="Account">
      <div className="graphiql-doc-explorer-title">Account</div>
      {problem && <p role="alert">{problem}</p>}
      {done && <p role="status">{done}</p>}
      {caller ? (
        <>
          <form onSubmit={handled(signOut)}>
            <p>
              {caller.kind === "API_KEY" ? "Requests carry the API key " : "Signed in as "}
              <strong>{caller.actor.displayName}</strong>, {caller.organization.name}.
            </p>
            <button className="graphiql-button" disabled={busy}>
              {caller.kind === "API_KEY" ? "Forget it" : "Sign out"}
            </button>
          </form>
          {caller.kind === "USER" && (
            <details open={mustChange}>
              <summary>{mustChange ? "This password is for a single use: change it first." : "Change the password"}</summary>
              <form
                onSubmit={handled((form) => changePassword(form.get("current"), form.get("next")), "The password is changed.")}
              >
                <input type="text" autoComplete="username" value={caller.actor.email ?? ""} readOnly hidden />
                <label>
                  Password so far
                  <input name="current" type="password" autoComplete="current-password" required />
                </label>
                <label>
                  New password
                  <input name="next" type="password" autoComplete="new-password" required />
                </label>
                <button className="graphiql-button" disabled={busy}>
                  Change it
                </button>
              </form>
            </details>
          )}
        </>
      ) : (
        <>
          <form onSubmit={handled((form) => signIn(form.get("email"), form.get("password"), form.get("surface")))}>
            <label>
              Mail
              <input name="email" type="email" autoComplete="username" required />
            </label>
            <label>
              Password
              <input name="password" type="password" autoComplete="current-password" required />
            </label>
            <label>
              Surface
              <select name="surface" defaultValue="PORTAL">
                <option value="PORTAL">Portal</option>
                <option value="AGENT_DESKTOP">Agent desktop</option>
              </select>
            </label>
            <button className="graphiql-button rosterql-main" disabled={busy}>
              Sign in
            </button>
          </form>
          <form onSubmit={handled((form) => takeToken(form.get("token").trim()))}>
            <label>
              Or an API key or token, kept until the page is closed
              <input name="token" type="password" autoComplete="off" required />
            </label>
            <button className="graphiql-button" disabled={busy}>
              Use it
            </button>
          </form>
        </>
      )}
    </section>
  );
}

export const ACCOUNT = { title: "Account", icon: Figure, content: Account };

export function Who() {
  const { caller } = useCaller();
  return <span className="rosterql-who">{caller ? caller.actor.displayName : "not signed in"}</span>;
}
