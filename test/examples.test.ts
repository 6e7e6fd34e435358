import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { pythonWithOpenai } from './support/python-openai.ts';

/** Every command and snippet of the README, run as a reader would: what is not run will be wrong. */
const root = join(import.meta.dirname, '..');
const readme = readFileSync(join(root, 'README.md'), 'utf8');
const blocks = [...readme.matchAll(/^```(\w+)\n([\s\S]*?)^```$/gm)].map(([, language, text]) => ({
  language: String(language),
  text: String(text).trim(),
}));
const blocksOf = (language: string) => blocks.filter((block) => block.language === language).map(({ text }) => text);
const run = promisify(execFile);
const cache = join(root, 'node_modules/.cache');

let scratch: string;
let server: ChildProcess;
let url: string;
const environment = () => ({ ...process.env, RIGHTSIZE_DATA_DIR: join(scratch, 'data'), RIGHTSIZE_PORT: '0' });

beforeAll(async () => {
  mkdirSync(cache, { recursive: true });
  scratch = mkdtempSync(join(tmpdir(), 'rightsize-readme-'));
  server = spawn('npm', ['start'], { cwd: root, env: environment(), detached: true });
  url = await new Promise<string>((resolve, reject) => {
    let output = '';
    const look = (piece: Buffer) => {
      output += piece.toString();
      const found = /listens on (http:\/\/[\d.:]+)\/v1/.exec(output)?.[1];
      if (found) resolve(found);
    };
    server.stdout?.on('data', look);
    server.stderr?.on('data', look);
    server.once('exit', (code) => reject(new Error(`npm start ended with ${code}: ${output}`)));
  });
}, 60_000);

afterAll(async () => {
  const exited = new Promise((resolve) => server.once('exit', resolve));
  // npm does not pass signals on reliably; the group is ours alone.
  if (server.pid) process.kill(-server.pid, 'SIGTERM');
  await exited;
  rmSync(scratch, { recursive: true, force: true });
});

const here = (text: string) => text.replaceAll('http://127.0.0.1:8787', url);

describe('README', () => {
  it('starts with the command that this suite started the gateway with', () => {
    expect(blocksOf('sh')).toContain('npm install && npm start');
  });

  it('names the test command that CI runs', () => {
    expect(blocksOf('sh')).toContain('npm ci && npm test');
    expect(readFileSync(join(root, '.ci/run'), 'utf8').trimEnd().split('\n').at(-1)).toBe('npm ci && npm test');
  });

  it('has a curl request that the small tier answers', async () => {
    const curl = blocksOf('sh').find((text) => text.startsWith('curl'));
    const { stdout } = await run('sh', ['-c', here(String(curl))]);
    expect(stdout).toContain('HTTP/1.1 200 OK');
    expect(stdout).toContain('x-rightsize-tier: small');
    expect(stdout).toMatch(/x-rightsize-reason: difficulty 0\.\d\d < 0\.40/);
  });

  it('has a Node snippet that prints an answer and the reason', async () => {
    // Below the project's own node_modules, so that it finds the SDK as a reader's project would.
    const file = join(cache, 'readme-example.mjs');
    writeFileSync(file, here(String(blocksOf('js')[0])));
    const { stdout } = await run('node', [file]);
    expect(stdout).toMatch(/\w+.*difficulty 0\.\d\d < 0\.40/s);
  });

  it('has a Python snippet that streams an answer', async () => {
    const python = await pythonWithOpenai();
    const file = join(scratch, 'example.py');
    writeFileSync(file, here(String(blocksOf('python')[0])));
    const { stdout } = await run(python, [file]);
    expect(stdout).toContain('2 + 2 = 4');
  }, 180_000);

  it.each(
    blocksOf('sh')
      .flatMap((text) => text.split('\n'))
      .filter((line) => line.startsWith('npx rightsize')),
  )('has a command that works: %s', async (command) => {
    const { stdout } = await run('sh', ['-c', command], { cwd: root, env: environment() });
    expect(stdout.trim()).not.toBe('');
  });

  it('links to files that exist', () => {
    const links = [...readme.matchAll(/\]\(([^)#]+?)\)/g)].map(([, target]) => String(target));
    expect(links.filter((target) => !target.startsWith('http') && !existsSync(join(root, target)))).toEqual([]);
  });
});
