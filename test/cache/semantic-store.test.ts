import fc from 'fast-check';
import { expect, test } from 'vitest';
import { MemorySemanticStore } from '../../src/cache/memory-semantic-store.ts';
import { factsOfQuestion } from '../../src/cache/question-facts.ts';
import type { SemanticEntry } from '../../src/cache/semantic-store.ts';

const entry = (key: string): SemanticEntry => ({
  place: { key, team: 'one', route: 'default' },
  facts: factsOfQuestion(key),
  text: key,
  observations: [],
});
const unit = (values: number[]): Float32Array => {
  const length = Math.hypot(...values);
  return Float32Array.from(values, (value) => value / length);
};
const all = { minSimilarity: -2, count: 1_000 };
const keysOf = (near: { entry: SemanticEntry }[]) => near.map(({ entry: { place } }) => place.key);

test('the nearest come first, none that is not near enough, none of another partition', async () => {
  const store = new MemorySemanticStore();
  await store.add('a', unit([1, 0, 0, 0]), entry('same'));
  await store.add('a', unit([1, 1, 0, 0]), entry('near'));
  await store.add('a', unit([0, 1, 0, 0]), entry('far'));
  await store.add('b', unit([1, 0, 0, 0]), entry('other'));
  const near = await store.nearest('a', unit([1, 0, 0, 0]), { minSimilarity: 0.5, count: 8 });
  expect(keysOf(near)).toEqual(['same', 'near']);
  expect(near.map(({ similarity }) => similarity.toFixed(3))).toEqual(['1.000', '0.707']);
});

test('it finds just what comparing with every vector finds', async () => {
  const component = fc.double({ min: -1, max: 1, noNaN: true }).filter((value) => Math.abs(value) > 1e-3);
  const vector = fc.array(component, { minLength: 7, maxLength: 7 }).map(unit);
  await fc.assert(
    fc.asyncProperty(
      fc.array(vector, { maxLength: 30 }),
      vector,
      fc.double({ min: 0, max: 0.9, noNaN: true }),
      async (vectors, asked, least) => {
        const store = new MemorySemanticStore();
        for (const [index, each] of vectors.entries()) await store.add('p', each, entry(String(index)));
        const product = (each: Float32Array) => each.reduce((sum, value, i) => sum + value * (asked[i] as number), 0);
        // What is at the bound may fall to either side by rounding.
        const expected = vectors.flatMap((each, index) => (product(each) > least + 1e-6 ? [String(index)] : []));
        const found = keysOf(await store.nearest('p', asked, { minSimilarity: least, count: 100 }));
        expect(found).toEqual(expect.arrayContaining(expected));
        expect(found.every((key) => product(vectors[Number(key)] as Float32Array) > least - 1e-6)).toBe(true);
      },
    ),
  );
});

test('a full partition forgets what was not used for longest', async () => {
  const store = new MemorySemanticStore({ entriesOfPartition: 2, bytes: 1e9 });
  await store.add('p', unit([1, 0]), entry('first'));
  await store.add('p', unit([0, 1]), entry('second'));
  await store.nearest('p', unit([1, 0]), { minSimilarity: 0.9, count: 1 });
  await store.add('p', unit([1, 1]), entry('third'));
  expect(keysOf(await store.nearest('p', unit([1, 0]), all)).sort()).toEqual(['first', 'third']);
});

test('beyond its bytes it forgets in the partition that was not used for longest', async () => {
  const store = new MemorySemanticStore({ entriesOfPartition: 100, bytes: 10_000 });
  for (const name of ['a', 'b', 'c']) await store.add(name, unit([1, 0]), entry(name));
  expect(await store.nearest('a', unit([1, 0]), all)).toEqual([]);
  expect(keysOf(await store.nearest('c', unit([1, 0]), all))).toEqual(['c']);
});

test('a question is there once; another model of embeddings starts anew', async () => {
  const store = new MemorySemanticStore();
  await store.add('p', unit([1, 0]), entry('one'));
  await store.add('p', unit([0, 1]), entry('one'));
  expect(keysOf(await store.nearest('p', unit([1, 0]), all))).toEqual(['one']);
  await store.add('p', unit([1, 0, 0]), entry('two'));
  expect(await store.nearest('p', unit([1, 0]), all)).toEqual([]);
  expect(keysOf(await store.nearest('p', unit([1, 0, 0]), all))).toEqual(['two']);
});

test('what was observed stays with the entry, and goes with it', async () => {
  const store = new MemorySemanticStore();
  await store.add('p', unit([1, 0]), entry('one'));
  for (let i = 0; i < 40; i++) await store.observe('p', 'one', { similarity: i / 40, isRight: true });
  const [found] = await store.nearest('p', unit([1, 0]), all);
  expect(found?.entry.observations).toHaveLength(32);
  expect(found?.entry.observations.at(-1)).toEqual({ similarity: 39 / 40, isRight: true });
  await store.remove('p', 'one');
  await store.observe('p', 'one', { similarity: 1, isRight: true });
  expect(await store.nearest('p', unit([1, 0]), all)).toEqual([]);
});
