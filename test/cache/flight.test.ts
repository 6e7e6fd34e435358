import { expect, test } from 'vitest';
import { Flights } from '../../src/cache/flights.ts';
import { GatewayError } from '../../src/contract/errors.ts';
import type { StreamPart } from '../../src/contract/stream-part.ts';
import { NO_TOKENS } from '../../src/ledger/tokens.ts';

const LEFT = new GatewayError('client_closed_request', 'The client left.');
const candidate = { tier: 'small', upstream: 'up', model: 'm' };
const recorder = { tokens: NO_TOKENS };

/** A stream that says one thing and then nothing; whether it was told to stop is in `isLeft`. */
const endless = () => {
  const stream = {
    isLeft: false,
    async *[Symbol.asyncIterator](): AsyncGenerator<StreamPart[]> {
      try {
        yield [];
        await new Promise(() => {});
      } finally {
        stream.isLeft = true;
      }
    },
  };
  return stream;
};

test('a call whose answer comes when everybody has left already is ended, and its flight with it', async () => {
  const flights = new Flights();
  const client = new AbortController();
  const flight = flights.begin('key', client.signal);
  client.abort(LEFT);
  expect(flights.find('key')).toBeNull();
  const parts = endless();
  const kept: unknown[] = [];
  flight.keepBy(async (answer) => kept.push(answer));
  await flight.took({ kind: 'stream', candidate, recorder, parts });
  await flight.ended;
  expect(kept).toEqual([null]);
});

test('an answer that cannot be kept reaches whoever waits for it', async () => {
  const flights = new Flights();
  const flight = flights.begin('key', new AbortController().signal);
  flight.keepBy(() => Promise.reject(new Error('disk full')));
  const following = flight.follow(new AbortController().signal);
  const completion = { id: 'a', object: 'chat.completion', created: 1, model: 'm', choices: [] } as const;
  await flight.took({ kind: 'plain', candidate, recorder, completion: { ...completion, choices: [] }, text: '{}' });
  await flight.ended;
  expect(await following).toMatchObject({ kind: 'flying', answer: { text: '{}' } });
});

test('a follower that leaves hears why, and the flight goes on', async () => {
  const flights = new Flights();
  const flight = flights.begin('key', new AbortController().signal);
  const follower = new AbortController();
  const following = flight.follow(follower.signal);
  follower.abort(LEFT);
  await expect(following).rejects.toBe(LEFT);
  expect(flight.signal.aborted).toBe(false);
  expect(flights.find('key')).toBe(flight);
});
