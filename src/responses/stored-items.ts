import type { StoredItem, StoredResponse } from './response-store.ts';

/** Every item of a response that can be named: those of its input and of its output. */
export const itemsOf = ({
  input,
  response,
  home,
}: Pick<StoredResponse, 'input' | 'response' | 'home'>): StoredItem[] => {
  const output = (JSON.parse(response) as { output?: unknown }).output;
  const items = [...(JSON.parse(input) as unknown[]), ...(Array.isArray(output) ? output : [])];
  return items.flatMap((item) =>
    typeof item === 'object' && item !== null ? [{ item: item as Record<string, unknown>, home }] : [],
  );
};

export const idOf = ({ item }: StoredItem): string | null => (typeof item['id'] === 'string' ? item['id'] : null);

export const bytesOf = ({ input, response }: StoredResponse): number =>
  Buffer.byteLength(input) + Buffer.byteLength(response);
