import { useQuery } from '@tanstack/react-query';
import { type FormEvent, useRef, useState } from 'react';
import { Card } from '../components/card.tsx';
import { Facts } from '../components/facts.tsx';
import { Link } from '../components/link.tsx';
import { PageHead } from '../components/page-head.tsx';
import { Segmented } from '../components/segmented.tsx';
import { Empty } from '../components/states.tsx';
import { type ChatResult, streamChat } from '../lib/chat-stream.ts';
import { milliseconds, money } from '../lib/format.ts';
import { hrefOf } from '../lib/location.ts';

type Side = { result: ChatResult | null; error: string | null };
const NOTHING: Side = { result: null, error: null };

/** Chat through any route or model, two side by side. Requests are real: they cost and are in the ledger. */
export default function PlaygroundPage() {
  const [prompt, setPrompt] = useState('');
  const [key, setKey] = useState('');
  const [shape, setShape] = useState<'one' | 'two'>('one');
  const [models, setModels] = useState(['auto', 'auto']);
  const [sides, setSides] = useState<Side[]>([NOTHING, NOTHING]);
  const [isBusy, setIsBusy] = useState(false);
  const running = useRef<AbortController | null>(null);
  const names = useModelNames(key);
  const shown = shape === 'one' ? [0] : [0, 1];

  const ask = async (event: FormEvent) => {
    event.preventDefault();
    const controller = new AbortController();
    running.current = controller;
    setIsBusy(true);
    setSides([NOTHING, NOTHING]);
    const show = (side: number, next: Side) => setSides((all) => all.map((old, at) => (at === side ? next : old)));
    await Promise.all(
      shown.map(async (side) => {
        let last: ChatResult | null = null;
        try {
          const request = { model: models[side] as string, prompt, key, signal: controller.signal };
          const result = await streamChat(request, (partial) => {
            last = partial;
            show(side, { result: partial, error: null });
          });
          show(side, { result, error: null });
        } catch (error) {
          show(side, { result: last, error: controller.signal.aborted ? 'Stopped.' : (error as Error).message });
        }
      }),
    );
    setIsBusy(false);
  };

  return (
    <>
      <PageHead
        title="Playground"
        note="Sends real requests through this gateway: they cost, and they are in the ledger."
      >
        <Segmented
          label="Answers"
          value={shape}
          options={[
            { value: 'one', label: 'One' },
            { value: 'two', label: 'Two side by side' },
          ]}
          onChange={setShape}
        />
      </PageHead>
      <Card>
        <form className="stack" onSubmit={(event) => void ask(event)}>
          <label className="field">
            <span>Message</span>
            <textarea required value={prompt} onChange={(event) => setPrompt(event.target.value)} />
          </label>
          <div className="toolbar">
            {shown.map((side) => (
              <label className="field" key={side}>
                <span>{shape === 'one' ? 'Model or route' : `Model or route ${side + 1}`}</span>
                <input
                  list="model-names"
                  required
                  value={models[side]}
                  onChange={(event) => setModels(models.map((old, at) => (at === side ? event.target.value : old)))}
                />
              </label>
            ))}
            <datalist id="model-names">
              {names.map((name) => (
                <option key={name} value={name} />
              ))}
            </datalist>
            <label className="field">
              <span>API key, where one is needed</span>
              <input type="password" autoComplete="off" value={key} onChange={(event) => setKey(event.target.value)} />
            </label>
            {isBusy ? (
              <button type="button" className="button" onClick={() => running.current?.abort()}>
                Stop
              </button>
            ) : (
              <button type="submit" className="button button-main">
                Send
              </button>
            )}
          </div>
        </form>
      </Card>
      <div className="halves">
        {shown.map((side) => (
          <Answer key={side} name={models[side] as string} side={sides[side] ?? NOTHING} />
        ))}
      </div>
    </>
  );
}

const Answer = ({ name, side: { result, error } }: { name: string; side: Side }) => (
  <Card title={name}>
    {result === null && error === null && <Empty title="No answer yet" />}
    <p className="reply" aria-live="polite">
      {result?.text}
    </p>
    {error !== null && (
      <p className="notice notice-bad" role="alert">
        {error}
      </p>
    )}
    {result !== null && (
      <Facts
        facts={[
          [
            'Answered by',
            [result.facts['tier'], result.facts['upstream'], result.facts['model']].filter(Boolean).join(' / '),
          ],
          ['Reason', result.facts['reason']],
          ['Difficulty', result.facts['difficulty']],
          ['Cache', result.facts['cache']],
          ['First token', milliseconds(result.firstTokenMs)],
          ['Total', milliseconds(result.totalMs)],
          ['Cost', usd(result.facts['cost-usd'])],
          ['Saved', usd(result.facts['saved-usd'])],
          [
            'Request',
            <Link key="id" className="mono" href={hrefOf('/requests', { id: result.facts['request-id'] ?? '' })}>
              {result.facts['request-id']}
            </Link>,
          ],
        ]}
      />
    )}
  </Card>
);

const usd = (value: string | undefined): string | undefined =>
  value === undefined || value === 'unknown' ? value : money(Math.round(Number(value) * 1e9));

const useModelNames = (key: string): string[] => {
  const list = useQuery({
    queryKey: ['models', key],
    staleTime: 60_000,
    queryFn: async () => {
      const response = await fetch('/v1/models', { headers: key === '' ? {} : { authorization: `Bearer ${key}` } });
      if (!response.ok) return [];
      return ((await response.json()) as { data: { id: string }[] }).data.map(({ id }) => id);
    },
  });
  return list.data ?? [];
};
