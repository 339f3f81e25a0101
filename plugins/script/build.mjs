// Makes the component: the runner in `src/` and its JavaScript engine, initialised and frozen.
//
//   node build.mjs --wit FOLDER --out FILE [--modules FOLDER]
//
// FOLDER of --wit holds `wit/tenterhook.wit` and `world.wit`; FOLDER of --modules holds `node_modules`, where that is
// not this folder. host/build.rs calls this.

import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const here = dirname(fileURLToPath(import.meta.url));
const { values } = parseArgs({
  options: { wit: { type: "string" }, out: { type: "string" }, modules: { type: "string", default: here } },
});
if (!values.wit || !values.out) {
  console.error("usage: node build.mjs --wit FOLDER --out FILE [--modules FOLDER]");
  process.exit(2);
}

const { componentize } = binding();
const entry = join(here, "src", "runner.js");
const { component } = await componentize({
  witPath: resolve(values.wit),
  world: "script-plugin",
  jsSource: readFileSync(entry, "utf8"),
  jsPath: entry,
  moduleRoot: join(here, "src"),
  // The host's interface of WASI 0.2 has no asynchronous functions, and the runner needs nothing of WASI.
  sync: true,
  stubWasi: true,
});
writeFileSync(values.out, component);

/** componentize-qjs for this machine. The package of that name is not used: of its version 0.4.5 three platforms are
 * missing in the registry, for which reason npm makes no lock file of it that `npm ci` takes. */
function binding() {
  const require = createRequire(join(resolve(values.modules), "package.json"));
  const machine = `${process.platform}-${process.arch}`;
  for (const libc of ["", "-gnu", "-musl"]) {
    try {
      return require(`@andreiltd/componentize-qjs-binding-${machine}${libc}`);
    } catch {
      // Not installed, or of another libc.
    }
  }
  console.error(`componentize-qjs is not installed for ${machine}: run npm ci; it comes for Linux and macOS`);
  process.exit(1);
}
