import { execFile } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parse } from 'yaml';
import { clientsDocument } from '../../src/cli/clients.ts';
import { ANSWER, FaultyUpstream } from '../support/faulty-upstream.ts';
import { startGateway, type TestGateway, twoTierRoutes } from '../support/start-gateway.ts';

const root = join(import.meta.dirname, '../..');
const scratch = join(root, 'node_modules/.cache/clients');
const document = readFileSync(join(root, 'docs/clients.md'), 'utf8');
const blocksOf = (language: string) =>
  [...document.matchAll(new RegExp(`^\`\`\`${language}\n([\\s\\S]*?)^\`\`\`$`, 'gm'))].map(([, text]) => String(text));
const run = promisify(execFile);

let upstream: FaultyUpstream;
let gateway: TestGateway;
beforeAll(async () => {
  mkdirSync(scratch, { recursive: true });
  upstream = await FaultyUpstream.start();
  gateway = await startGateway({
    routes: twoTierRoutes({ small: upstream.url, large: upstream.url }),
    keys: [{ secret: 'YOUR_KEY', caller: { keyId: 'key_1', team: 'default' } }],
  });
});
afterAll(async () => {
  await gateway.close();
  await upstream.close();
  rmSync(scratch, { recursive: true });
});
const here = (text: string) => text.replaceAll('http://127.0.0.1:8787', gateway.url);

test.each(blocksOf('js').map((text, index) => ({ client: /from '([^']+)'/.exec(text)?.[1], text, index })))(
  'the snippet for $client prints an answer',
  async ({ text, index }) => {
    // Below the project's own node_modules, so that it finds the SDK as a reader's project would.
    const file = join(scratch, `${index}.mjs`);
    writeFileSync(file, here(text));
    expect((await run(process.execPath, [file])).stdout.trim()).toBe(ANSWER);
  },
);

test('the curl command prints an answer', async () => {
  const curl = blocksOf('sh').find((text) => text.startsWith('curl'))!;
  const { stdout } = await run('sh', ['-c', here(curl)]);
  expect(JSON.parse(stdout).choices[0].message.content).toBe(ANSWER);
});

test('there is a snippet for each client of the Node table, and the YAML ones are YAML', () => {
  const imports = blocksOf('js').join('\n');
  for (const name of ['openai', '@ai-sdk/openai', '@ai-sdk/openai-compatible', '@langchain/openai']) {
    expect(imports).toContain(`from '${name}'`);
  }
  for (const text of blocksOf('yaml')) expect(JSON.stringify(parse(text))).toContain('http://127.0.0.1:8787/v1');
});

test("is printed with the gateway's own address", () => {
  const printed = clientsDocument({ host: '0.0.0.0', port: 4321, apiKey: null });
  expect(printed).toContain('http://127.0.0.1:4321/v1');
  expect(printed).not.toContain('8787/');
  expect(printed).toMatch(/any text will do/);
  expect(clientsDocument({ host: '::1', port: 80, apiKey: 'secret' })).toContain('http://[::1]:80/v1');
  expect(clientsDocument({ host: '::1', port: 80, apiKey: 'secret' })).not.toContain('secret');
});
