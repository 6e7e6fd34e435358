import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { checkGgufFile } from '../../src/model-host/gguf-file.ts';
import { toModelFacts } from '../../src/model-host/model-facts.ts';
import { ModelHostError } from '../../src/model-host/model-host-error.ts';
import { badFiles, largerThanMemory, NANO } from './support/bad-files.ts';
import { startHost } from './support/test-host.ts';
import { temporaryFolder, untrainedNanoFile, writeExperts } from './support/test-models.ts';

const folder = temporaryFolder();
const file = (name: string, content: Buffer): string => {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
};

describe('a model file that is', () => {
  test.each(badFiles(folder))('%s is refused in words', (_, path, words) => {
    expect(() => checkGgufFile(path)).toThrow(ModelHostError);
    expect(() => checkGgufFile(path)).toThrow(words);
  });

  test('cut anywhere never passes and never hangs', () => {
    for (let length = 1; length < NANO.length; length += 40_009) {
      expect(() => checkGgufFile(file('cut.gguf', NANO.subarray(0, length)))).toThrow(ModelHostError);
    }
  });

  test('larger than memory is refused by the host, and so is one that only the engine can judge', async () => {
    const noTensors = Buffer.from(NANO.subarray(0, 32));
    noTensors.writeBigUInt64LE(0n, 8);
    noTensors.writeBigUInt64LE(0n, 16);
    await Promise.all([
      expect(startHost({ model: largerThanMemory(folder) })).rejects.toThrow(/this machine .* of memory/),
      expect(startHost({ model: file('nothing.gguf', noTensors) })).rejects.toThrow(/cannot load/),
    ]);
  });
});

test('what the header says of a good file', () => {
  const { header, sizeBytes } = checkGgufFile(untrainedNanoFile());
  expect(sizeBytes).toBe(NANO.length);
  expect(header.headerBytes + header.dataBytes).toBeLessThanOrEqual(sizeBytes);
  expect(header.tensors).toHaveLength(13);
  expect(header.metadata.get('general.architecture')).toBe('llama');
  expect(header.metadata.get('tokenizer.ggml.tokens')).toEqual({ length: expect.any(Number) });
});

test('a header that claims four billion layers costs no time and no memory', () => {
  const bytes = Buffer.from(NANO);
  const key = bytes.indexOf('llama.block_count');
  bytes.writeUInt32LE(0xffff_ffff, key + 'llama.block_count'.length + 4);
  const { header } = checkGgufFile(file('layers.gguf', bytes));
  expect(toModelFacts([header]).shape.keptPerToken).toHaveLength(1024);
});

test('experts, active parameters, quantisation and template are read from the header', () => {
  const path = writeExperts(join(folder, 'experts.gguf'), { experts: 4, expertsUsed: 1, layers: 1 });
  const facts = toModelFacts([checkGgufFile(path).header]);
  expect(facts).toMatchObject({ task: 'chat', experts: 4, expertsUsed: 1, quantisation: 'F16', hasChatTemplate: true });
  expect(facts.parameters - facts.activeParameters).toBe(3 * 3 * 64 * 96);
  expect(facts.weightBytes).toBeLessThan(checkGgufFile(path).sizeBytes);
});
