import type { NativeForm, NativeNeed, NativeTarget } from '../../contract/native-form.ts';
import { spliceJson } from '../../lib/json-splice.ts';
import { createResponseReader, toChatView } from './native-view.ts';
import { type Item, inputItems, type ResponsesBody } from './request-body.ts';

/** What a request refers to, and the gateway keeps. */
export type History = {
  /** Items of the responses it goes on from, oldest first; empty without any. */
  context: Item[];
  /** The upstream that made the last of them in its own format, and may hold them all. */
  home: string | null;
  /** By their ids, the items that it refers to, and the upstream that made them. */
  references: ReadonlyMap<string, { item: Item; home: string | null }>;
};

export const NO_HISTORY: History = { context: [], home: null, references: new Map() };

/** A request for responses as an upstream that speaks them is sent it: the client's own text wherever that can be understood there. */
export const toNativeForm = (
  text: string,
  body: ResponsesBody,
  need: NativeNeed | null,
  history: History,
): NativeForm => ({
  api: 'responses',
  path: '/responses',
  headers: {},
  need,
  isBound: inputItems(body).some(isBoundItem),
  bodyFor: (target) => spliceJson(text, editsFor(body, history, target)),
  readPlain: toChatView,
  openReader: createResponseReader,
});

const editsFor = (body: ResponsesBody, history: History, target: NativeTarget): Record<string, string | null> => {
  const edits: Record<string, string | null> = { model: JSON.stringify(target.model) };
  // The gateway runs it in the background itself, and nobody would find a copy under the upstream's id to delete it.
  if (body.background === true) Object.assign(edits, { background: null, store: 'false' });
  if (target.isStream !== (body.stream === true)) edits['stream'] = String(target.isStream);
  const holdsChain = target.keepsAnswers && history.home === target.upstream;
  const isHome = target.home === null || target.home === target.upstream;
  const own = inputItems(body);
  const mine = own.flatMap((item) => adapted(item, isHome, history, target));
  if (body.previous_response_id != null && !holdsChain) {
    edits['previous_response_id'] = null;
    const context = history.context.flatMap((item) => (history.home === target.upstream ? [item] : portable(item)));
    edits['input'] = JSON.stringify([...context, ...mine]);
  } else if (mine.length !== own.length || mine.some((item, index) => item !== own[index])) {
    edits['input'] = JSON.stringify(mine);
  }
  return edits;
};

/** An item of the client's own input; as it is wherever the upstream can read it. */
const adapted = (item: Item, isHome: boolean, { references }: History, target: NativeTarget): Item[] => {
  if (item.type === 'item_reference') {
    const found = references.get(item.id ?? '');
    if (found === undefined || (target.keepsAnswers && found.home === target.upstream)) return [item];
    return found.home === target.upstream ? [found.item] : portable(found.item);
  }
  return item.type === 'reasoning' && item['encrypted_content'] != null && !isHome ? [] : [item];
};

/** An item that another upstream made: without what only that one can read, and without an id that only it knows. */
const portable = ({ id: _id, status: _status, ...item }: Item): Item[] =>
  item.type === 'reasoning' || item.type === 'compaction' ? [] : [item];

const isBoundItem = (item: Item): boolean =>
  item['encrypted_content'] != null ||
  (Array.isArray(item['content']) &&
    item['content'].some((part: { file_id?: unknown } | null) => part?.file_id != null));
