import { once } from 'node:events';
import { createServer, get, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import { EventStream } from '../../src/model-host/event-stream.ts';

/** A response on the server's side and what its client sees of it. */
const connect = async (): Promise<{ response: ServerResponse; incoming: Promise<IncomingMessage> }> => {
  const server = createServer().listen(0, '127.0.0.1');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  await once(server, 'listening');
  const asking = get({ port: (server.address() as AddressInfo).port, host: '127.0.0.1' });
  asking.on('error', () => {});
  const incoming = new Promise<IncomingMessage>((resolve) => asking.once('response', resolve));
  const [, response] = await once(server, 'request');
  return { response, incoming };
};

const textOf = async (incoming: Promise<IncomingMessage>): Promise<string> => {
  let text = '';
  for await (const piece of await incoming) text += piece;
  return text;
};

test('events that are ready together are written together, in order, and at once', async () => {
  const { response, incoming } = await connect();
  const writes: string[] = [];
  const write = response.write.bind(response);
  response.write = ((text: string) => writes.push(text) > 0 && write(text)) as typeof response.write;
  const text = textOf(incoming);
  const events = new EventStream(response);
  await events.relay(async () => {
    await events.send('1');
    await events.send('2');
    await nextTurn();
    expect(writes).toEqual(['data: 1\n\ndata: 2\n\n']);
    await events.send('3');
  });
  expect(writes).toEqual(['data: 1\n\ndata: 2\n\n', 'data: 3\n\ndata: [DONE]\n\n']);
  expect(await text).toBe(writes.join(''));
});

test('an error before the first event is thrown, and after it is the last event', async () => {
  const { response, incoming } = await connect();
  const events = new EventStream(response);
  const fail = async () => {
    throw new Error('broken');
  };
  await expect(events.relay(fail)).rejects.toThrow('broken');
  await events.relay(async () => {
    await events.send('1');
    await fail();
  });
  expect(await textOf(incoming)).toMatch(/^data: 1\n\ndata: \{"error":.*\}\n\n$/);
});

test('a slow reader is waited for, and one that leaves ends the wait', async () => {
  const { response, incoming } = await connect();
  const events = new EventStream(response);
  let sent = 0;
  const sending = events.relay(async () => {
    for (; sent < 1000; sent++) {
      await events.send('x'.repeat(100_000));
      await nextTurn();
    }
  });
  const reader = await incoming;
  await sleep(100);
  expect(sent).toBeLessThan(500);
  reader.destroy();
  await sending;
  expect(response.destroyed).toBe(true);
});
