import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { until } from '../support/until.ts';

/** What `npm pack` makes, installed where there is nothing else, with the Node that npm scripts run on. */
const root = join(import.meta.dirname, '../..');
const run = promisify(execFile);
let folder: string;
let empty: string;
let program: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'rightsize-package-'));
  empty = join(folder, 'empty');
  mkdirSync(empty);
  await run('npm', ['pack', '--pack-destination', folder], { cwd: root });
  const [tarball] = readdirSync(folder).filter((name) => name.endsWith('.tgz'));
  await run('npm', [
    'install',
    '--prefix',
    join(folder, 'home'),
    '--no-audit',
    '--no-fund',
    join(folder, String(tarball)),
  ]);
  program = join(folder, 'home/node_modules/rightsize/bin/rightsize.js');
}, 180_000);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test('the package holds built JavaScript and no TypeScript, and prints its version', async () => {
  const { stdout } = await run('node', [program, '--version'], { cwd: empty });
  expect(stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  const files = readdirSync(join(folder, 'home/node_modules/rightsize'), { recursive: true }) as string[];
  expect(files.filter((file) => /\.tsx?$/.test(file))).toEqual([]);
});

test('in an empty folder it serves: the first local model brings its engine, and the small tier answers', async () => {
  const child = spawn('node', [program, 'serve', '--port', '0'], { cwd: empty, stdio: ['ignore', 'ignore', 'pipe'] });
  try {
    let banner = '';
    child.stderr.on('data', (piece: Buffer) => {
      banner += piece.toString();
    });
    await until(() => /listens on (\S+)\/v1/.test(banner), 20_000, 'the banner');
    const url = /listens on (\S+)\/v1/.exec(banner)?.[1];
    const ask = () =>
      fetch(`${url}/v1/chat/completions`, {
        method: 'POST',
        body: JSON.stringify({ model: 'auto', messages: [{ role: 'user', content: 'What is 2+2?' }] }),
      });
    await until(async () => (await ask()).status === 200, 120_000, 'an answer');
    expect((await ask()).headers.get('x-rightsize-tier')).toBe('small');
  } finally {
    child.kill('SIGTERM');
    await once(child, 'exit');
  }
}, 180_000);
