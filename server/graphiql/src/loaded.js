// GraphiQL loads these later; esbuild would split them off, and their style sheets would never be loaded.
import "monaco-graphql/esm/monaco-editor.js";
import "monaco-graphql/esm/lite.js";
