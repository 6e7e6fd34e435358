// biome-ignore lint/suspicious/noExplicitAny: what clients read of events is what is checked.
export type Wire = Record<string, any>;

/** The events of a stream of responses, each checked for what every client relies on. */
export const readResponseEvents = (text: string): Wire[] => {
  const blocks = text.split('\n\n').filter((block) => block !== '' && !block.startsWith(':'));
  return blocks.map((block, index) => {
    const [name, data, ...more] = block.split('\n');
    if (more.length > 0 || !name?.startsWith('event: ') || !data?.startsWith('data: '))
      throw new Error(`odd: ${block}`);
    const event = JSON.parse(data.slice('data: '.length)) as Wire;
    if (event['type'] !== name.slice('event: '.length)) throw new Error(`two names: ${block}`);
    if (event['sequence_number'] !== index) throw new Error(`number ${event['sequence_number']} at ${index}`);
    return event;
  });
};

/**
 * The output that the events spell, put together from deltas alone, as a client without the last event would.
 * @throws Error where an event comes before what it belongs to, or a `done` says something else than the deltas did.
 */
export const foldResponseEvents = (events: Wire[]): Wire[] => {
  const output: Wire[] = [];
  const texts = new Map<string, string>();
  const must = (condition: unknown, what: string, event: Wire) => {
    if (!condition) throw new Error(`${what}: ${JSON.stringify(event)}`);
  };
  for (const event of events) {
    const { type, output_index: index, item_id: id } = event;
    const item = output[index];
    if (index !== undefined && type !== 'response.output_item.added') {
      must(item !== undefined, 'no such item', event);
      must(id === undefined || id === item!['id'], 'another id', event);
    }
    const place = `${index}/${event['content_index'] ?? event['summary_index'] ?? ''}`;
    if (type === 'response.output_item.added') {
      must(index === output.length, 'out of order', event);
      output.push(structuredClone(event['item']));
    } else if (/(content|summary)_part\.added$/.test(type)) {
      const list = type.includes('summary') ? 'summary' : 'content';
      item![list] ??= [];
      const at = event['content_index'] ?? event['summary_index'];
      if (item!['type'] === 'message') must(item![list].length === at, 'part out of order', event);
      item![list][at] = structuredClone(event['part']);
      texts.set(place, '');
    } else if (type.endsWith('.delta')) {
      must(
        type.startsWith('response.function') || type.startsWith('response.custom') || texts.has(place),
        'no part',
        event,
      );
      texts.set(place, (texts.get(place) ?? '') + event['delta']);
      if (event['logprobs']?.length) item!['content'][event['content_index']].logprobs.push(...event['logprobs']);
    } else if (/(output_text|refusal|reasoning_text|reasoning_summary_text|arguments|input)\.done$/.test(type)) {
      const said = event['text'] ?? event['refusal'] ?? event['arguments'] ?? event['input'];
      must((texts.get(place) ?? '') === said, 'deltas said otherwise', event);
      const part = item!['summary']?.[event['summary_index']] ?? item!['content']?.[event['content_index']];
      if ('arguments' in event) item!['arguments'] = said;
      else if ('input' in event) item!['input'] = said;
      else if (type.includes('refusal')) part.refusal = said;
      else part.text = said;
    } else if (type === 'response.output_item.done') {
      item!['status'] = event['item'].status;
      if (item!['type'] === 'local_shell_call') item!['action'] = event['item'].action;
      must(JSON.stringify(sorted(item!)) === JSON.stringify(sorted(event['item'])), 'done says otherwise', event);
    }
  }
  return output;
};

const sorted = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.keys(value)
      .sort()
      .map((key) => [key, sorted((value as Wire)[key])]),
  );
};
