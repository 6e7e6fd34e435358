import type { ChatRequest } from '../contract/chat-request.ts';

/** A chat request that came in another wire format. @param translation its body in chat; `wire` as upstreams are sent it. */
export const translatedRequest = (
  { model, stream }: { model: string; stream?: boolean | null | undefined },
  translation: Pick<ChatRequest, 'body' | 'native' | 'chain'> & { wire: object },
): ChatRequest => {
  const { wire, ...request } = translation;
  let written: string | undefined;
  return {
    model,
    isStream: stream === true,
    wantsUsage: true,
    ...request,
    // Only where an upstream is asked in chat.
    get text() {
      written ??= JSON.stringify(wire);
      return written;
    },
  };
};
