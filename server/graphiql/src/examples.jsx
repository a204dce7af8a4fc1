import { useGraphiQL, useGraphiQLActions } from "@graphiql/react";
import { settings } from "./settings.js";
import { WELCOME } from "./welcome.js";

function List() {
  return (
    <svg viewBox="0 0 24 24" height="1em" width="1em" fill="none" stroke="currentColor" strokeWidth="1.5" aria-hidden>
      <path d="M9 6h12M9 12h12M9 18h12M3.5 6h1.5M3.5 12h1.5M3.5 18h1.5" strokeLinecap="round" />
    </svg>
  );
}

// Whether a tab holds nothing of the caller's own.
function isOurs(text) {
  return !text.trim() || text === WELCOME || settings.examples.some((example) => example.document === text);
}

function Examples() {
  const { addTab } = useGraphiQLActions();
  const queryEditor = useGraphiQL((state) => state.queryEditor);
  const variableEditor = useGraphiQL((state) => state.variableEditor);

  function open({ document, variables }) {
    const own = queryEditor.getValue();
    if (own === document) return;
    if (!isOurs(own)) addTab();
    queryEditor.setValue(document);
    variableEditor.setValue(variables);
    queryEditor.focus();
  }

  return (
    <section className="rosterql-pane" aria-label="Examples">
      <div className="graphiql-doc-explorer-title">Examples</div>
      <ul>
        {settings.examples.map((example) => (
          <li key={example.title}>
            <button type="button" className="graphiql-un-styled" onClick={() => open(example)}>
              {example.title}
            </button>
          </li>
        ))}
      </ul>
    </section>
  );
}

export const EXAMPLES = { title: "Examples", icon: List, content: Examples };
