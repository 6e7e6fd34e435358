import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { FAULTS } from '../support/fault-cases.ts';

const SCRIPT = join(import.meta.dirname, '../../scripts/demo-faults.ts');

test('the table of faults has every fault, and every cell of it is one answer or one error', async () => {
  const { stdout, stderr } = await promisify(execFile)(process.execPath, [SCRIPT]);
  expect(stderr).toBe('');
  const lines = stdout.split('\n');
  for (const fault of FAULTS) expect(lines.filter((line) => line.startsWith(`${fault}  `))).toHaveLength(1);
  expect(lines.find((line) => line.startsWith('envelope 500 '))).toMatch(
    /502 error 1x \d+ms +502 error 1x \d+ms +small 2x \d+ms +large 2x \d+ms +large 2x \d+ms$/,
  );
  expect(stdout).toMatch(/(\d+) of \1 cells are one answer or one error/);
}, 60_000);
