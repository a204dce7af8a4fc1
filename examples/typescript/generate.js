// Makes documents.ts of documents.graphql and the schema: each operation with the types of its variables and answer.
//
//   node generate.js [SCHEMA]
//
// SCHEMA is a file that `rosterql schema print` wrote; without it, that of this checkout is taken. Plugins and settings
// are those of a `codegen.ts`: GraphQL Code Generator's command line does the same, and brings 250 packages more.
import { codegen } from "@graphql-codegen/core";
import * as documents from "@graphql-codegen/typed-document-node";
import * as operations from "@graphql-codegen/typescript-operations";
import { parse } from "graphql";
import { readFileSync, writeFileSync } from "node:fs";

const here = (name) => new URL(name, import.meta.url);
const read = (path) => parse(readFileSync(path, "utf8"));

const code = await codegen({
  schema: read(process.argv[2] ?? here("../../schema.graphql")),
  documents: [{ location: "documents.graphql", document: read(here("documents.graphql")) }],
  filename: "documents.ts",
  config: { useTypeImports: true },
  plugins: [
    {
      operations: {
        defaultScalarType: "unknown",
        nullability: { errorHandlingClient: true }, // gateway.ts throws on every error: @semanticNonNull is never null
        scalars: { DateTime: "string", ID: "string" },
      },
    },
    { documents: { documentMode: "string" } }, // nothing of GraphQL is needed to send them
  ],
  pluginMap: { documents, operations },
});
writeFileSync(here("documents.ts"), code);
