// What @graphql-eslint asks of a schema, and of one for Relay; every rule that is off says why.
import graphql from "@graphql-eslint/eslint-plugin";

export default [
  {
    files: ["**/*.graphql"],
    languageOptions: { parser: graphql.parser },
    plugins: { "@graphql-eslint": graphql },
    rules: {
      ...graphql.configs["flat/schema-recommended"].rules,
      ...graphql.configs["flat/schema-relay"].rules,
      // Pages list their items in `nodes` too, and payloads list problems: a list need not be of edges.
      "@graphql-eslint/relay-edge-types": [
        "error",
        { withEdgeSuffix: true, shouldImplementNode: true, listTypeCanWrapOnlyEdgeType: false },
      ],
      // What has an identity implements Node; payloads, pages, counts and problems have none.
      "@graphql-eslint/strict-id-in-types": "off",
    },
  },
];
