import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { CATALOGUE, estimatedFileBytes } from '../../src/model-host/catalogue.ts';
import { chooseModel } from '../../src/model-host/choose-model.ts';
import { estimateModelBytes } from '../../src/model-host/estimate-model.ts';
import { judgeFit } from '../../src/model-host/fit.ts';
import { parseNvidia } from '../../src/model-host/machine-memory.ts';
import { modelMemoryBudget, parseBytes } from '../../src/model-host/memory-budget.ts';
import { temporaryFolder, writeExperts } from './support/test-models.ts';

const GB = 1e9;
const memory = (bytes: number) => ({ totalBytes: bytes, freeBytes: bytes });
const cpu = (ram: number) => ({ ram: memory(ram * GB), accelerator: null });
const gpu = (ram: number, vram: number) => ({ ram: memory(ram * GB), accelerator: memory(vram * GB) });

test.each([
  ['8GB', 8e9],
  ['7.5 GiB', 7.5 * 2 ** 30],
  ['900m', 900e6],
  ['1048576', 1048576],
])('%s is an amount of memory', (text, bytes) => {
  expect(parseBytes(text)).toBe(bytes);
});

test.each(['lots', '-1GB', '8 GB free', '1.5.2g'])('"%s" is none, and is refused by name', (text) => {
  expect(() => modelMemoryBudget(false, { RIGHTSIZE_MODEL_MEMORY: text })).toThrow(/RIGHTSIZE_MODEL_MEMORY must be/);
});

test('without a setting the budget is a share of what is free', async () => {
  const budget = await modelMemoryBudget(false, {});
  expect(budget).toBeGreaterThan(1e8);
  expect(await modelMemoryBudget(true, { RIGHTSIZE_MODEL_MEMORY: '2GB' })).toBe(2e9);
});

test('the memory of several GPUs is read from what nvidia-smi prints', () => {
  const two = '81559, 80994\n81559, 1000\n';
  expect(parseNvidia(two)).toEqual({ totalBytes: 2 * 81559 * 2 ** 20, freeBytes: 81994 * 2 ** 20 });
  expect(parseNvidia('NVIDIA-SMI has failed')).toBeNull();
});

test.each([
  [4, gpu(16, 8), 'accelerator'],
  [12, gpu(16, 8), 'both'],
  [12, cpu(16), 'ram'],
  [30, gpu(16, 8), 'nowhere'],
])('%d GB on %j goes to: %s', (size, machine, where) => {
  expect(judgeFit(size * GB, machine)).toMatchObject({ where, fits: where !== 'nowhere' });
});

describe('the choice for a machine', () => {
  test.each([
    [cpu(3), null, 'gemma-2-2b'],
    [cpu(8), null, 'qwen3-4b'],
    [cpu(32), null, 'qwen3-30b-a3b'],
    [gpu(12, 12), null, 'gpt-oss-20b'],
    [gpu(8, 12), 'phi', 'phi-4'],
    [gpu(64, 80), null, 'qwen2.5-72b'],
    [cpu(16), 'gemma', 'gemma-3-4b'],
    [cpu(16), 'olmoe', 'olmoe-1b-7b'],
    [cpu(16), 'rerank', 'bge-reranker-v2-m3'],
  ])('%j, wish %s: %s', (machine, wish, name) => {
    const choice = chooseModel(wish, machine);
    expect(choice?.entry.name).toBe(name);
    expect(choice?.reasons[0]).toContain(`${name} needs about`);
  });

  test('is none where nothing fits', () => {
    expect(chooseModel('mistral', cpu(2))).toBeNull();
  });
});

test('every entry of the catalogue has its own name and an honest size', () => {
  expect(new Set(CATALOGUE.map(({ name }) => name)).size).toBe(CATALOGUE.length);
  for (const entry of CATALOGUE) {
    expect(entry.activeB).toBeLessThanOrEqual(entry.parametersB);
    expect(estimatedFileBytes(entry) / (entry.parametersB * 1e9)).toBeLessThan(2.01);
    expect(entry.repository).toMatch(/^[\w.-]+\/[\w.-]+$/);
  }
});

test('a model is estimated from its header, with more for more context, and not at all while it is not here', () => {
  const folder = temporaryFolder();
  const path = writeExperts(join(folder, 'x.gguf'));
  const estimate = (parallel: number) => estimateModelBytes(path, folder, { contextTokens: 2048, parallel });
  // Two layers, two heads of 16 for keys and for values, two bytes each.
  expect(estimate(4)! - estimate(1)!).toBe(3 * 2048 * 2 * 2 * (16 + 16) * 2);
  expect(estimateModelBytes('hf:owner/repo', folder, { contextTokens: 2048, parallel: 1 })).toBeNull();
  expect(estimateModelBytes('/nowhere.gguf', folder, { contextTokens: 2048, parallel: 1 })).toBeNull();
});
