import "./workers.js";
import "./loaded.js";
import "@graphiql/react/style.css";
import "@graphiql/plugin-doc-explorer/style.css";
import "@graphiql/plugin-history/style.css";
import "graphiql/graphiql.css";
import "./page.css";
import { GraphiQL, HISTORY_PLUGIN } from "graphiql";
import { createRoot } from "react-dom/client";
import { ACCOUNT, Who } from "./account.jsx";
import { refresh } from "./caller.js";
import { EXAMPLES } from "./examples.jsx";
import { fetcher } from "./sending.js";
import { settings } from "./settings.js";

const PLUGINS = [EXAMPLES, ACCOUNT, HISTORY_PLUGIN];
const WELCOME = `# Sign in on the left (the figure), pick an example (the list), and run it with Ctrl+Enter.
# Ctrl+Space completes, F1 lists all commands. The book explains every type and field.
`;

if (settings.signedIn) await refresh();
createRoot(document.getElementById("graphiql")).render(
  <GraphiQL
    defaultQuery={WELCOME}
    fetcher={fetcher}
    plugins={PLUGINS}
    schemaDescription
    shouldPersistHeaders={false}
    showPersistHeadersSettings={false}
    visiblePlugin={settings.signedIn ? EXAMPLES.title : ACCOUNT.title}
  >
    <GraphiQL.Logo>
      <Who />
    </GraphiQL.Logo>
  </GraphiQL>,
);
