import { ToolbarButton, useGraphiQL } from "@graphiql/react";
import { useState } from "react";

// What a link to this page holds: a document and its variables, behind the `#`, which browsers keep to themselves.
const given = new URLSearchParams(location.hash.slice(1));
export const shared = { document: given.get("document") ?? undefined, variables: given.get("variables") ?? undefined };
if (shared.document) history.replaceState(null, "", location.pathname + location.search);
addEventListener("hashchange", () => location.reload());

function Chain() {
  return (
    <svg className="graphiql-toolbar-icon" viewBox="0 0 24 24" fill="none" stroke="currentColor" strokeWidth="1.5" aria-hidden>
      <path d="M10 14a4.5 4.5 0 0 0 6.5.2l3-3a4.5 4.5 0 0 0-6.4-6.4l-1 1" strokeLinecap="round" />
      <path d="M14 10a4.5 4.5 0 0 0-6.5-.2l-3 3a4.5 4.5 0 0 0 6.4 6.4l1-1" strokeLinecap="round" />
    </svg>
  );
}

export function Share() {
  const queryEditor = useGraphiQL((state) => state.queryEditor);
  const variableEditor = useGraphiQL((state) => state.variableEditor);
  const [label, setLabel] = useState("Copy a link to this document");

  async function share() {
    const parts = { document: queryEditor.getValue(), variables: variableEditor.getValue() };
    const link = new URL(location.href);
    link.hash = new URLSearchParams(Object.entries(parts).filter(([, text]) => text.trim()));
    try {
      await navigator.clipboard.writeText(link.href);
      setLabel("Copied");
    } catch {
      history.replaceState(null, "", link); // over plain HTTP there is no clipboard
      setLabel("The link is in the address bar");
    }
  }

  return (
    <ToolbarButton label={label} onClick={share}>
      <Chain />
    </ToolbarButton>
  );
}
