import "./workers.js";
import "./loaded.js";
import "@graphiql/react/style.css";
import "@graphiql/plugin-doc-explorer/style.css";
import "@graphiql/plugin-history/style.css";
import "graphiql/graphiql.css";
import "./page.css";
import { useGraphiQL } from "@graphiql/react";
import { GraphiQL, HISTORY_PLUGIN } from "graphiql";
import { useEffect } from "react";
import { createRoot } from "react-dom/client";
import { ACCOUNT, Who } from "./account.jsx";
import { refresh } from "./caller.js";
import { EXAMPLES } from "./examples.jsx";
import { fetcher } from "./sending.js";
import { settings } from "./settings.js";
import { Share, shared } from "./sharing.jsx";
import { WELCOME } from "./welcome.js";

const PLUGINS = [EXAMPLES, ACCOUNT, HISTORY_PLUGIN];

// The editors leave little room beside the panes.
function Wrapping() {
  const queryEditor = useGraphiQL((state) => state.queryEditor);
  const variableEditor = useGraphiQL((state) => state.variableEditor);
  useEffect(() => {
    for (const editor of [queryEditor, variableEditor]) editor?.updateOptions({ wordWrap: "on", wrappingIndent: "indent" });
  }, [queryEditor, variableEditor]);
  return null;
}

if (settings.signedIn) await refresh();
createRoot(document.getElementById("graphiql")).render(
  <GraphiQL
    defaultEditorToolsVisibility="variables"
    defaultQuery={WELCOME}
    fetcher={fetcher}
    initialQuery={shared.document}
    initialVariables={shared.variables}
    plugins={PLUGINS}
    schemaDescription
    shouldPersistHeaders={false}
    showPersistHeadersSettings={false}
    visiblePlugin={settings.signedIn ? EXAMPLES.title : ACCOUNT.title}
  >
    <GraphiQL.Logo>
      <Wrapping />
      <Who />
    </GraphiQL.Logo>
    <GraphiQL.Toolbar>
      {({ prettify, merge, copy }) => (
        <>
          {prettify}
          {merge}
          {copy}
          <Share />
        </>
      )}
    </GraphiQL.Toolbar>
  </GraphiQL>,
);
