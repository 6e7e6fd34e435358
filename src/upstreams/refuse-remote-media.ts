import { UPSTREAM_DEFAULTS } from '../config/upstream-defaults.ts';
import { GatewayError } from '../contract/errors.ts';
import type { ChatCompletionRequest } from '../contract/openai.ts';
import type { UpstreamKind } from '../contract/vocabulary.ts';

/** Parts of a message that name a place to fetch from. */
const MEDIA = ['image_url', 'video_url', 'audio_url'] as const;

/**
 * Runtimes on one's own hardware fetch what a message names from inside one's own network, and some read `file:` paths
 * (llama-server does), so a client could read there what it
 * cannot reach. They are sent media inlined as `data:` alone; anything else may be answered elsewhere.
 * @throws GatewayError `unsupported_parameter` that names the part.
 */
export const refuseRemoteMedia = ({ messages }: Pick<ChatCompletionRequest, 'messages'>, kind: UpstreamKind): void => {
  if (!UPSTREAM_DEFAULTS[kind].isLocal) return;
  for (const [index, { content }] of messages.entries()) {
    if (!Array.isArray(content)) continue;
    for (const [position, part] of content.entries()) {
      for (const name of MEDIA) {
        const media = part[name] as { url?: unknown } | string | null | undefined;
        const url = typeof media === 'string' ? media : media?.url;
        if (typeof url !== 'string' || /^data:/i.test(url)) continue;
        const param = `messages[${index}].content[${position}]`;
        const message = `${param}: a local model is sent media inlined as a data: URL only, not an address to fetch.`;
        throw new GatewayError('unsupported_parameter', message, { param, isRetryable: true });
      }
    }
  }
};
