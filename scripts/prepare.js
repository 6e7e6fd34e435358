// After `npm install` in a clone: builds the dashboard, so that `npm start` has it. Plain JavaScript, because an install
// without development dependencies runs it too, with neither a build tool nor, perhaps, a Node that strips types.
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dirname ?? '.', '..');
const vite = join(root, 'node_modules/vite/bin/vite.js');
if (existsSync(vite)) {
  execFileSync('node', [vite, 'build', '--config', 'src/dashboard/vite.config.ts', '--logLevel', 'warn'], {
    cwd: root,
    stdio: 'inherit',
  });
} else {
  process.stderr.write('The dashboard is not built: that needs the development dependencies.\n');
}
