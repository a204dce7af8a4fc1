// Builds the page into page.new: scripts, workers and style under hashed names, manifest.json, THIRD-PARTY.txt.
import { build } from "esbuild";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";

const here = dirname(fileURLToPath(import.meta.url));
const modules = join(here, "node_modules");
const out = join(here, "page.new");
const BROTLI_QUALITY = 9; // 11 takes ten times as long for 9 % less

rmSync(out, { recursive: true, force: true });
mkdirSync(out);

const shared = {
  absWorkingDir: here,
  alias: {
    // These two names lead to CommonJS, in which Prettier does not find its parsers.
    "prettier/parser-babel": "prettier/plugins/babel",
    "prettier/parser-graphql": "prettier/plugins/graphql",
  },
  assetNames: "[name]-[hash]",
  bundle: true,
  chunkNames: "[name]-[hash]",
  define: { "process.env.NODE_ENV": '"production"' },
  entryNames: "[name]-[hash]",
  external: ["graphql-ws"], // asked for only by a kind of fetcher that the page does not use
  format: "esm",
  jsx: "automatic",
  legalComments: "none", // all of them, and more, are in THIRD-PARTY.txt
  loader: { ".ttf": "file" },
  logLevel: "warning",
  metafile: true,
  minify: true,
  outdir: out,
  splitting: true,
  target: "es2022",
};

const workers = {
  editor: "monaco-editor/esm/vs/editor/editor.worker.js",
  graphql: "monaco-graphql/esm/graphql.worker.js",
  json: "monaco-editor/esm/vs/language/json/json.worker.js",
};
const built = await build({ ...shared, entryPoints: workers });
const workerNames = Object.fromEntries(
  Object.entries(workers).map(([label, module]) => [label, outputOf(built, module)]),
);
const page = await build({
  ...shared,
  define: { ...shared.define, WORKERS: JSON.stringify(workerNames) },
  entryPoints: { page: "src/page.jsx", policy: "src/policy.js" },
});
const script = outputOf(page, "src/page.jsx");
const policy = outputOf(page, "src/policy.js");
const style = basename(page.metafile.outputs[relative(page, script)].cssBundle);

// Style sheets of chunks that are loaded later: esbuild writes them, and nothing loads them.
for (const name of readdirSync(out)) {
  if (name.endsWith(".css") && name !== style) rmSync(join(out, name));
}
writeFileSync(join(out, "THIRD-PARTY.txt"), notices([built, page]));
const files = readdirSync(out).sort();
for (const name of files) {
  const content = readFileSync(join(out, name));
  const params = { [constants.BROTLI_PARAM_QUALITY]: BROTLI_QUALITY };
  writeFileSync(join(out, `${name}.br`), brotliCompressSync(content, { params }));
  writeFileSync(join(out, `${name}.gz`), gzipSync(content, { level: 9 }));
}
writeFileSync(join(out, "manifest.json"), JSON.stringify({ policy, script, style, files }, null, 2) + "\n");

function outputOf(result, module) {
  const found = Object.entries(result.metafile.outputs).find(([, output]) => output.entryPoint?.endsWith(module));
  return basename(found[0]);
}

function relative(result, name) {
  return Object.keys(result.metafile.outputs).find((path) => basename(path) === name);
}

// The words that the licenses of all packages ask for which have bytes in what was built.
function notices(results) {
  const allowed = new Set(["MIT", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "0BSD", "ISC"]);
  const folders = new Set();
  for (const { metafile } of results) {
    for (const output of Object.values(metafile.outputs)) {
      for (const [input, { bytesInOutput }] of Object.entries(output.inputs)) {
        if (bytesInOutput > 0 && input.includes("node_modules/")) folders.add(packageFolder(input));
        // A style sheet's picture or font counts no bytes.
        else if (/\.(ttf|css)$/.test(input) && input.includes("node_modules/")) folders.add(packageFolder(input));
      }
    }
  }
  const texts = new Map();
  for (const folder of [...folders].sort()) {
    const { name, version, license } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
    if (!allowed.has(license)) throw new Error(`${name} has the license ${license}: see whether it may be shipped.`);
    const text = licenseTexts(folder) || borrowed(name);
    if (!text) throw new Error(`${name} comes without the text of its license.`);
    const digest = createHash("sha256").update(text).digest("hex");
    const entry = texts.get(digest) ?? { names: new Set(), text };
    entry.names.add(`${name} ${version} (${license})`);
    texts.set(digest, entry);
  }
  const head =
    "The page is built from these packages. What each asks for is below its name.\n" +
    "The font codicon.ttf of monaco-editor is by Microsoft, under Creative Commons Attribution 4.0 " +
    "(creativecommons.org/licenses/by/4.0).\n";
  const parts = [...texts.values()].map(({ names, text }) => `${"=".repeat(80)}\n${[...names].join("\n")}\n\n${text}\n`);
  return [head, ...parts].join("\n");
}

function packageFolder(input) {
  const parts = resolve(here, input).split("/node_modules/");
  const name = parts.pop().split("/");
  return [...parts, name.slice(0, name[0].startsWith("@") ? 2 : 1).join("/")].join("/node_modules/");
}

function licenseTexts(folder) {
  const names = readdirSync(folder).filter((name) => /^(licen[sc]e|notice|copying|thirdpartynotices)/i.test(name));
  return names.sort().map((name) => readFileSync(join(folder, name), "utf8").trim()).join("\n\n");
}

// Packages of a repository whose license file they do not carry themselves.
function borrowed(name) {
  const lenders = {
    "@graphiql/plugin-doc-explorer": "graphiql",
    "@graphiql/plugin-history": "graphiql",
    "react-compiler-runtime": "react",
    "react-remove-scroll-bar": "react-remove-scroll",
  };
  const lender = lenders[name] && join(modules, lenders[name]);
  return lender && existsSync(lender) ? licenseTexts(lender) : "";
}
