import type { ChatRequest } from '../contract/chat-request.ts';

/** A chat request that came in another wire format. */
export const translatedRequest = (
  { model, stream }: { model: string; stream?: boolean | null | undefined },
  /** `wire`: the body as an upstream of chat is sent it. */
  { wire, ...request }: Pick<ChatRequest, 'body' | 'native' | 'chain'> & { wire: object },
): ChatRequest => {
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
