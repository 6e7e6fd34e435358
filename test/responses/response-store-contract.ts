import { afterEach, describe, expect, test } from 'vitest';
import type { ResponseLimits, ResponseStore, StoredResponse } from '../../src/responses/response-store.ts';
import { ManualClock } from '../support/manual-clock.ts';

export type OpenStore = (
  clock: ManualClock,
  limits: ResponseLimits,
) => Promise<{ store: ResponseStore; remove(): Promise<void> }>;

const START = 1_800_000_000_000;
const DAY = 86_400_000;

const message = (id: string, text: string) => ({ id, type: 'message', role: 'user', content: text });

export const storedResponse = (id: string, overrides: Partial<StoredResponse> = {}): StoredResponse => ({
  id,
  team: 'a',
  createdAt: START,
  expiresAt: START + 30 * DAY,
  previousId: null,
  response: JSON.stringify({ id, output: [message(`msg_out_${id}`, `answer of ${id} ☃`)] }),
  input: JSON.stringify([message(`msg_in_${id}`, `question of ${id}`)]),
  home: null,
  session: null,
  ...overrides,
});

/** What every store of responses must do. */
export const describeResponseStore = (name: string, open: OpenStore): void => {
  describe(`the ${name} store of responses`, () => {
    let cleanUp = async () => {};
    const start = async (limits: ResponseLimits = { perTeam: 100, bytesPerTeam: 1_000_000 }) => {
      const clock = new ManualClock(START);
      const { store, remove } = await open(clock, limits);
      cleanUp = async () => {
        await store.close();
        await remove();
      };
      return { clock, store };
    };
    afterEach(() => cleanUp());

    test('gives back every field', async () => {
      const { store } = await start();
      const full = storedResponse('resp_1', {
        home: { upstream: 'cloud', model: 'm' },
        session: 's',
        previousId: null,
      });
      await store.put(full);
      await store.put(storedResponse('resp_2', { previousId: 'resp_1' }));
      expect(await store.get('a', 'resp_1')).toEqual(full);
      expect(await store.get('a', 'resp_2')).toEqual(storedResponse('resp_2', { previousId: 'resp_1' }));
      expect(await store.get('a', 'resp_3')).toBeNull();
    });

    test('another team finds nothing, by whatever id, and removes nothing', async () => {
      const { store } = await start();
      await store.put(storedResponse('resp_1'));
      expect(await store.get('b', 'resp_1')).toBeNull();
      expect(await store.chain('b', 'resp_1')).toBeNull();
      expect(await store.items('b', ['msg_out_resp_1'])).toEqual(new Map());
      expect(await store.delete('b', 'resp_1')).toBe(false);
      expect(await store.get('a', 'resp_1')).not.toBeNull();
    });

    test('two teams may have the same ids', async () => {
      const { store } = await start();
      await store.put(storedResponse('resp_1', { session: 'of a' }));
      await store.put(storedResponse('resp_1', { team: 'b', session: 'of b' }));
      expect((await store.get('a', 'resp_1'))?.session).toBe('of a');
      expect((await store.items('b', ['msg_in_resp_1'])).size).toBe(1);
      await store.delete('b', 'resp_1');
      expect((await store.items('a', ['msg_in_resp_1'])).size).toBe(1);
    });

    test('a chain comes oldest first, and is null as soon as one of it is gone', async () => {
      const { store } = await start();
      for (const [id, previousId] of [
        ['resp_1', null],
        ['resp_2', 'resp_1'],
        ['resp_3', 'resp_2'],
      ] as const) {
        await store.put(storedResponse(id, { previousId }));
      }
      expect((await store.chain('a', 'resp_3'))?.map(({ id }) => id)).toEqual(['resp_1', 'resp_2', 'resp_3']);
      expect(await store.delete('a', 'resp_1')).toBe(true);
      expect(await store.delete('a', 'resp_1')).toBe(false);
      expect(await store.chain('a', 'resp_3')).toBeNull();
    });

    test('a chain that goes round is no chain', async () => {
      const { store } = await start();
      await store.put(storedResponse('resp_1', { previousId: 'resp_2' }));
      await store.put(storedResponse('resp_2', { previousId: 'resp_1' }));
      expect(await store.chain('a', 'resp_2')).toBeNull();
    });

    test('items are found by id in input and output, as the first response had them', async () => {
      const { store } = await start();
      const home = { upstream: 'cloud', model: 'm' };
      await store.put(storedResponse('resp_1', { home }));
      const again = [message('msg_out_resp_1', 'in other words')];
      await store.put(storedResponse('resp_2', { input: JSON.stringify(again) }));
      const items = await store.items('a', ['msg_out_resp_1', 'msg_in_resp_2', 'msg_in_resp_1', 'nothing']);
      expect([...items.keys()].sort()).toEqual(['msg_in_resp_1', 'msg_out_resp_1']);
      expect(items.get('msg_out_resp_1')).toEqual({ item: message('msg_out_resp_1', 'answer of resp_1 ☃'), home });
    });

    test('a response is gone when its time is over, its items with it', async () => {
      const { store, clock } = await start();
      await store.put(storedResponse('resp_1', { expiresAt: START + DAY }));
      clock.advance(DAY - 1);
      expect(await store.get('a', 'resp_1')).not.toBeNull();
      clock.advance(1);
      expect(await store.get('a', 'resp_1')).toBeNull();
      expect(await store.items('a', ['msg_in_resp_1'])).toEqual(new Map());
      expect(await store.delete('a', 'resp_1')).toBe(false);
    });

    test('going on from a response keeps all of its chain alive', async () => {
      const { store, clock } = await start();
      await store.put(storedResponse('resp_1', { expiresAt: START + DAY }));
      await store.put(storedResponse('resp_2', { expiresAt: START + 2 * DAY, previousId: 'resp_1' }));
      await store.put(storedResponse('resp_3', { expiresAt: START + 3 * DAY, previousId: 'resp_2' }));
      clock.advance(2 * DAY + 1);
      expect(await store.chain('a', 'resp_3')).toHaveLength(3);
      clock.advance(DAY);
      expect(await store.get('a', 'resp_1')).toBeNull();
    });

    test('the same id again replaces what was there', async () => {
      const { store } = await start();
      await store.put(storedResponse('resp_1'));
      await store.put(storedResponse('resp_1', { session: 'new' }));
      expect((await store.get('a', 'resp_1'))?.session).toBe('new');
      expect((await store.items('a', ['msg_in_resp_1'])).size).toBe(1);
    });

    test('beyond so many of a team its oldest go, and no other team’s', async () => {
      const { store } = await start({ perTeam: 3, bytesPerTeam: 1_000_000 });
      await store.put(storedResponse('resp_b', { team: 'b' }));
      for (let i = 0; i < 5; i++) await store.put(storedResponse(`resp_${i}`, { createdAt: START + i }));
      const kept = await Promise.all([0, 1, 2, 3, 4].map((i) => store.get('a', `resp_${i}`)));
      expect(kept.map((found) => found?.id ?? null)).toEqual([null, null, 'resp_2', 'resp_3', 'resp_4']);
      expect(await store.get('b', 'resp_b')).not.toBeNull();
    });

    test('beyond so many bytes of a team its oldest go', async () => {
      const { store } = await start({ perTeam: 100, bytesPerTeam: 2_500 });
      const input = JSON.stringify([message('msg_long', 'x'.repeat(900))]);
      for (let i = 0; i < 4; i++) await store.put(storedResponse(`resp_${i}`, { createdAt: START + i, input }));
      const kept = await Promise.all([0, 1, 2, 3].map((i) => store.get('a', `resp_${i}`)));
      expect(kept.map((found) => found !== null)).toEqual([false, false, true, true]);
    });

    test('hostile ids and texts are only data', async () => {
      const { store } = await start();
      const id = `'; DROP TABLE responses; -- \u0000 ☃`;
      await store.put(storedResponse(id, { team: `x' OR '1'='1` }));
      expect((await store.get(`x' OR '1'='1`, id))?.id).toBe(id);
      expect(await store.get('a', id)).toBeNull();
    });
  });
};
