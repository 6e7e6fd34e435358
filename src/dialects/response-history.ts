import { GatewayError } from '../contract/errors.ts';
import type { ResponseStore, StoredResponse } from '../responses/response-store.ts';
import { type History, NO_HISTORY } from '../translate/responses/native-form.ts';
import { type Item, inputItems, type ResponsesBody } from '../translate/responses/request-body.ts';

export type LoadedHistory = History & {
  /** The response it goes on from. */
  last: StoredResponse | null;
  /** Where what it goes on from, or refers to, was made; null where chat was spoken, or there is nothing. */
  maker: StoredResponse['home'];
};

/**
 * What a request refers to: the chain of its `previous_response_id` and its `item_reference`s.
 * @throws GatewayError `previous_response_not_found`, also for what is another team's.
 */
export const loadHistory = async (body: ResponsesBody, team: string, store: ResponseStore): Promise<LoadedHistory> => {
  const { previous_response_id: previous } = body;
  const wanted = inputItems(body).flatMap(({ type, id }, index) =>
    type === 'item_reference' ? [{ id: id ?? '', param: `input[${index}]` }] : [],
  );
  if (previous == null && wanted.length === 0) return { ...NO_HISTORY, last: null, maker: null };
  const chain = previous == null ? [] : await store.chain(team, previous);
  if (chain === null) {
    const message = `Previous response with id '${previous}' not found.`;
    throw new GatewayError('previous_response_not_found', message, { param: 'previous_response_id' });
  }
  const items =
    wanted.length === 0
      ? new Map()
      : await store.items(
          team,
          wanted.map(({ id }) => id),
        );
  const missing = wanted.find(({ id }) => !items.has(id));
  if (missing !== undefined) {
    const message = `Item with id '${missing.id}' not found. Items are kept with responses that are stored (\`store\`).`;
    throw new GatewayError('previous_response_not_found', message, { param: missing.param });
  }
  const last = chain.at(-1) ?? null;
  const references = new Map(
    [...items].map(([id, { item, home }]) => [id, { item: item as Item, home: home?.upstream ?? null }]),
  );
  const makers = [...items.values()].map(({ home }) => home).filter((home) => home !== null);
  return {
    context: chain.flatMap(({ input, response }) => [
      ...(JSON.parse(input) as Item[]),
      ...((JSON.parse(response) as { output?: Item[] }).output ?? []),
    ]),
    home: last?.home?.upstream ?? null,
    references,
    last,
    maker: last?.home ?? makers.at(-1) ?? null,
  };
};
