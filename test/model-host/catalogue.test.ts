import { expect, test } from 'vitest';
import { estimatedFileBytes, findInCatalogue } from '../../src/model-host/catalogue.ts';

/**
 * Published sizes, in GB: of huggingface.co's file lists, and in public code that pins a file by its size (2026-11-22).
 */
const PUBLISHED_GB: [name: string, gigabytes: number][] = [
  ['qwen3-0.6b', 0.639],
  ['llama-3.2-1b', 0.808],
  ['smollm2-1.7b', 1.06],
  ['qwen3-1.7b', 1.83],
  ['phi-2', 1.79],
  ['olmoe-1b-7b', 4.21],
  ['phi-4-mini', 2.492],
  ['gemma-3-4b', 2.49],
  ['llama-3.1-8b', 4.92],
  ['qwen2.5-7b', 4.68],
  ['qwen3-4b', 2.497],
  ['gemma-3-12b', 7.3],
  ['phi-4', 9.053],
  ['qwen3-14b', 9.002],
  ['gemma-3-27b', 16.5],
  ['qwen3-32b', 19.8],
  ['qwen2.5-72b', 47.416],
  ['nomic-embed-text', 0.146],
  ['bge-reranker-v2-m3', 0.636],
];

test.each(PUBLISHED_GB)('the size of %s is estimated within a tenth of its file', (name, gigabytes) => {
  const estimate = estimatedFileBytes(findInCatalogue(name)!) / 1e9;
  expect(Math.abs(estimate / gigabytes - 1)).toBeLessThan(0.1);
});
