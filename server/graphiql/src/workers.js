/* global WORKERS -- names of the files, put in by build.mjs */
globalThis.MonacoEnvironment = {
  getWorker(_, label) {
    return new Worker(new URL(WORKERS[label] ?? WORKERS.editor, import.meta.url), { type: "module" });
  },
};
