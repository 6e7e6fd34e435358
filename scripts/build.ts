import { execFileSync } from 'node:child_process';
import { cpSync, rmSync } from 'node:fs';
import { join } from 'node:path';

/** Builds `dist/`, the JavaScript of the published package: Node strips no types under node_modules. */
const root = join(import.meta.dirname, '..');
rmSync(join(root, 'dist'), { recursive: true, force: true });
execFileSync('tsc', ['-p', 'tsconfig.build.json'], { cwd: root, stdio: 'inherit' });
execFileSync('vite', ['build', '--config', 'src/dashboard/vite.config.ts', '--logLevel', 'warn'], {
  cwd: root,
  stdio: 'inherit',
});
for (const file of [
  'config/routes.schema.json',
  'difficulty/weights.json',
  'difficulty/word-vectors.json',
  'ledger/prices/prices.json',
]) {
  cpSync(join(root, 'src', file), join(root, 'dist', file));
}
