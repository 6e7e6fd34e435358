import { createHmac } from 'node:crypto';
import { Agent, request } from 'undici';
import type { AlertsConfig } from '../contract/limits-schema.ts';
import type { Clock } from '../lib/clock.ts';

/** One message. Receivers know a repeated one by its id. */
export type WebhookMessage = { id: string; body: string };

const TIMEOUT_MS = 10_000;
/** Nobody reads what a receiver answers; more than this is not even waited for. */
const MAX_ANSWER_BYTES = 64 * 1024;

/**
 * Posts a message, signed as Standard Webhooks asks (https://www.standardwebhooks.com, "Webhook Headers"), and follows no
 * redirect. @throws Error when it was not taken, with a status of 2xx, within ten seconds.
 */
export const postWebhook = async (
  { webhook, secret }: AlertsConfig,
  { id, body }: WebhookMessage,
  clock: Pick<Clock, 'now' | 'after'>,
  signal: AbortSignal,
): Promise<void> => {
  const timestamp = Math.floor(clock.now() / 1_000);
  const controller = new AbortController();
  const cancel = clock.after(TIMEOUT_MS, () => controller.abort(new Error(`no answer within ${TIMEOUT_MS} ms`)));
  const dispatcher = new Agent({ connect: { timeout: TIMEOUT_MS }, pipelining: 0 });
  try {
    const response = await request(webhook, {
      method: 'POST',
      dispatcher,
      headers: {
        'content-type': 'application/json',
        'user-agent': 'rightsize',
        'webhook-id': id,
        'webhook-timestamp': String(timestamp),
        'webhook-signature': signatureOf(`${id}.${timestamp}.${body}`, secret),
      },
      body,
      signal: AbortSignal.any([signal, controller.signal]),
    });
    await response.body.dump({ limit: MAX_ANSWER_BYTES });
    if (response.statusCode < 200 || response.statusCode > 299) throw new Error(`status ${response.statusCode}`);
  } finally {
    cancel();
    await dispatcher.destroy();
  }
};

/** `v1,` and HMAC-SHA256 in base64. The key is what follows `whsec_` in base64, or else the secret's own bytes. */
const signatureOf = (text: string, secret: string): string => {
  const key = secret.startsWith('whsec_') ? Buffer.from(secret.slice('whsec_'.length), 'base64') : secret;
  return `v1,${createHmac('sha256', key).update(text).digest('base64')}`;
};
