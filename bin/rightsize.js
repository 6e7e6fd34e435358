#!/usr/bin/env node
// Finds the program: TypeScript as written in a clone, built JavaScript in an installed package (Node strips no types
// under node_modules). Plain old JavaScript, so that it can say what is wrong even where Node is too old.
import { existsSync } from 'node:fs';

const [major, minor] = process.versions.node.split('.').map(Number);
if (major < 22 || (major === 22 && minor < 19)) {
  process.stderr.write(
    `rightsize needs Node 22.19 or newer, and this is ${process.version}. In a clone, run it through npm ` +
      '(npm start, npx rightsize …), which brings its own Node.\n',
  );
  process.exit(1);
}
const source = new URL('../src/main.ts', import.meta.url);
await import(existsSync(source) ? source.href : new URL('../dist/main.js', import.meta.url).href);
