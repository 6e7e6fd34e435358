import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';

const RUN = join(import.meta.dirname, '../../loadtest/run.ts');

/** The runner where there is no k6 to be found: an empty PATH, a home without `go/bin`. */
const runWithoutK6 = (args: string[], environment: Record<string, string> = {}) => {
  const env = { PATH: '', HOME: '/nonexistent', ...environment };
  const { status, stdout, stderr } = spawnSync(process.execPath, [RUN, ...args], { env, encoding: 'utf8' });
  return { status, stdout, stderr };
};

describe('npm run loadtest', () => {
  test.each([
    { args: [], words: 'which script: smoke, steady or streams?' },
    { args: ['smoke', '--rate', '5'], words: 'smoke has no option --rate' },
    { args: ['steady', '--rate', 'fast'], words: '--rate cannot be "fast"' },
    { args: ['steady', '--speed', '5'], words: "Unknown option '--speed'" },
  ])('a mistake on the command line is named, with the usage: $args', ({ args, words }) => {
    const { status, stderr, stdout } = runWithoutK6(args);
    expect(stderr).toContain(words);
    expect(stderr).toContain('usage: npm run loadtest');
    expect(stdout).toBe('');
    expect(status).toBe(2);
  });

  test('without k6 it says how to get it, and starts nothing', () => {
    const { status, stderr, stdout } = runWithoutK6(['smoke']);
    expect(stderr).toMatch(/^k6 is not installed: .*\n.*go install go\.k6\.io\/k6\/v2@.*\n$/);
    expect(stdout).toBe('');
    expect(status).toBe(1);
  });

  test('a K6_BIN that cannot be run is named, rather than another k6 taken', () => {
    const { status, stderr } = runWithoutK6(['smoke'], { K6_BIN: '/nonexistent/k6' });
    expect(stderr).toBe('loadtest: K6_BIN: /nonexistent/k6 is not a program that can be run\n');
    expect(status).toBe(1);
  });

  test('--help prints the usage as data', () => {
    const { status, stderr, stdout } = runWithoutK6(['--help']);
    expect(stdout).toContain('usage: npm run loadtest');
    expect(stderr).toBe('');
    expect(status).toBe(0);
  });
});
