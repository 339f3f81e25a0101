// The component's exports. Everything here runs once at build time; a call begins with the frozen result.

import log from "tenterhook:plugin/log@0.1.0";

import { description } from "./describe.js";
import { install } from "./globals.js";
import * as places from "./places.js";

install(globalThis, (level, text) => log.write(level, text));
// What the engine's bindings leave there is of no use to a script.
delete globalThis.wit;
delete globalThis.__cqjs;

export const payloadTemplate = { render: places.render };
export const responseMapping = { map: places.map };
export const triggerAction = { run: places.run };
export const inboundVerifier = { verify: places.verify };
export const describe = { describe: () => description };
