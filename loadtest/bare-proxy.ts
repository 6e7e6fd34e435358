import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Pool } from 'undici';

/**
 * What a proxy in Node costs at least: `node:http` in, an undici pool out, no look at the content. The yardstick of
 * `bench-proxy.ts`. `node loadtest/bare-proxy.ts http://127.0.0.1:9000` prints its own URL.
 */
const target = process.argv[2];
if (target === undefined) {
  process.stderr.write('usage: bare-proxy.ts <origin of the upstream>\n');
  process.exit(2);
}
const pool = new Pool(new URL(target).origin, { connections: 256 });

const server = createServer({ noDelay: true, keepAliveTimeout: 65_000 }, (request, response) => {
  const pieces: Buffer[] = [];
  request.on('data', (piece: Buffer) => pieces.push(piece));
  request.on('end', async () => {
    try {
      const { statusCode, headers, body } = await pool.request({
        path: request.url ?? '/',
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces),
      });
      const { connection: _, 'keep-alive': __, 'transfer-encoding': ___, ...passed } = headers;
      response.writeHead(statusCode, passed);
      body.on('error', () => response.destroy()).pipe(response);
    } catch {
      response.writeHead(502).end();
    }
  });
});
server.listen(0, '127.0.0.1');
await once(server, 'listening');
process.stdout.write(`http://127.0.0.1:${(server.address() as AddressInfo).port}\n`);
