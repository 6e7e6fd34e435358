#!/usr/bin/env node
// Finds the program: TypeScript as written in a clone, built JavaScript in an installed package (Node strips no types
// under node_modules). Plain old JavaScript, so that it can say what is wrong even where Node is too old.
import { existsSync } from 'node:fs';
import * as nodeModule from 'node:module';
import { homedir } from 'node:os';
import { join } from 'node:path';

const [major, minor] = process.versions.node.split('.').map(Number);
if (major < 22 || (major === 22 && minor < 19)) {
  process.stderr.write(
    `rightsize needs Node 22.19 or newer, and this is ${process.version}. In a clone, run it through npm ` +
      '(npm start, npx rightsize …), which brings its own Node.\n',
  );
  process.exit(1);
}
// Compiled code is kept between starts, which then take half as long; the model host inherits it. In a folder of this user
// alone, since what lies in it is run. A user without a home does without. (By its full
// name: old Nodes have no such function, and would not get as far as the message above.)
try {
  const cacheDirectory = process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache');
  process.env['NODE_COMPILE_CACHE'] ??= join(cacheDirectory, 'rightsize', 'compiled');
  nodeModule.enableCompileCache();
} catch {}
const source = new URL('../src/main.ts', import.meta.url);
await import(existsSync(source) ? source.href : new URL('../dist/main.js', import.meta.url).href);
