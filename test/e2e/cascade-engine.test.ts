import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { buildNanoModel } from '../../scripts/gguf/nano-model.ts';
import { chat } from '../support/chat-client.ts';
import { ANSWER_PIECES, FaultyUpstream, good } from '../support/faulty-upstream.ts';
import { runCli, temporaryDirectory } from '../support/run-cli.ts';
import { PRICES, startGateway, type TestGateway } from '../support/start-gateway.ts';
import { until } from '../support/until.ts';

/**
 * A real GGUF whose certainty is known: each topic begins a chain of words, and at each step the next one is as likely
 * as the topic's share of 20 says. Its template is the bare text, so the last word of a prompt decides how sure it is.
 */
const LIKELIHOOD_OF_20 = {
  iron: 19,
  copper: 18,
  silver: 17,
  gold: 16,
  tin: 15,
  lead: 13,
  zinc: 11,
  nickel: 9,
  cobalt: 8,
  chrome: 7,
} as const;
type Topic = keyof typeof LIKELIHOOD_OF_20;
const TOPICS = Object.keys(LIKELIHOOD_OF_20) as Topic[];
const CHAIN = ['', 'one', 'two', 'three', 'four', 'five', 'six'];
const ELSE = ['perhaps', 'maybe', 'possibly', 'hardly'];

const SENTENCES = TOPICS.flatMap((topic) => {
  const words = CHAIN.map((suffix) => topic + suffix);
  const likely = LIKELIHOOD_OF_20[topic];
  const chains = Array.from({ length: likely }, () => `about ${words.join(' ')}`);
  const digressions = words.flatMap((word) =>
    Array.from({ length: 20 - likely }, (_, i) => `about ${word} ${ELSE[i % ELSE.length]}`),
  );
  return [...chains, ...digressions];
});

const QUESTIONS_OF_A_TOPIC = 15;

/** The model is too sure of itself: where it says p, it is right as seldom as p squared. */
const writeQuestions = (path: string): void => {
  const lines = TOPICS.flatMap((topic) => {
    const right = Math.round((LIKELIHOOD_OF_20[topic] / 20) ** 2 * QUESTIONS_OF_A_TOPIC);
    return Array.from({ length: QUESTIONS_OF_A_TOPIC }, (_, i) => {
      const answer = i < right ? `${topic}one` : `not ${topic}one`;
      return `${JSON.stringify({ id: `${topic}-${i}`, prompt: `Question ${i}: tell me about ${topic}`, answer })}\n`;
    });
  });
  writeFileSync(path, lines.join(''));
};

const folder = temporaryDirectory();
const at = (name: string): string => join(folder, name);
let large: FaultyUpstream;

const routes = (confidence?: string) => ({
  version: 1,
  upstreams: {
    local: { kind: 'llama', model: at('steps.gguf'), gpu: 'off', threads: 1, contextTokens: 512, parallel: 4 },
    cloud: { kind: 'openai-compatible', url: large.url },
  },
  tiers: [
    { name: 'small', models: [{ upstream: 'local', ...(confidence && { confidence }) }] },
    { name: 'large', models: [{ upstream: 'cloud', model: 'large-1', price: PRICES.large }] },
  ],
  routes: [
    { name: 'default', match: { model: 'auto' }, difficulty: { threshold: 1 }, escalate: { minConfidence: 0.6 } },
  ],
});

beforeAll(async () => {
  large = await FaultyUpstream.start();
  large.always(good);
  const model = { name: 'steps', sentences: SENTENCES, seed: 1, maxMerges: 3000, isEnding: true };
  writeFileSync(
    at('steps.gguf'),
    buildNanoModel({ ...model, chatTemplate: '{%- for message in messages %}{{- message.content }}{%- endfor %}' }),
  );
  writeQuestions(at('qa.jsonl'));
  writeFileSync(at('routes.yaml'), JSON.stringify(routes()));
});
afterAll(async () => {
  await large.close();
  rmSync(folder, { recursive: true, force: true });
});

const calibrate = (out: string, ...flags: string[]) =>
  runCli(['calibrate', '--confidence', '--out', at(out), ...flags], { RIGHTSIZE_DATA_DIR: at('data') });

describe('a cascade with the real engine and a calibration made with it', () => {
  test('the engine is asked, and what it is sure of turns out to mean less', async () => {
    const asked = ['--labels', at('qa.jsonl'), '--config', at('routes.yaml'), '--upstream', 'local'];
    const { code, stdout, stderr } = await calibrate('local.confidence.json', ...asked, '--rows', at('rows.jsonl'));
    expect(code, stderr).toBe(0);
    expect(stderr).toContain('150 of 150 asked, 73 right');
    expect(stdout).toMatch(/73 of 150 answers right/);
    const table = readTable('local.confidence.json');
    expect(table).toMatchObject({ kind: 'rightsize-confidence', version: 1, model: 'steps', rows: 150, right: 73 });
    expect(table.auc).toBeGreaterThan(0.75);
    const errors = /^ECE +(\S+) +(\S+)/m.exec(stdout)!.slice(1).map(Number);
    expect(errors[1]).toBeLessThan(errors[0]! * 0.75);
  });

  test('the rows that were kept give the same table again, and nothing is asked', async () => {
    const { code, stderr } = await calibrate('again.json', '--labels', at('rows.jsonl'), '--model', 'steps');
    expect(code, stderr).toBe(0);
    expect(stderr).not.toContain('asked');
    expect(readFileSync(at('again.json'), 'utf8')).toBe(readFileSync(at('local.confidence.json'), 'utf8'));
  });

  describe('at a gateway', () => {
    let gateway: TestGateway;
    beforeAll(async () => {
      gateway = await startGateway({ routes: routes() });
      const local = gateway.app.runtime().upstreams.get('local')!;
      await until(() => local.state().state === 'ready', 20_000, 'the engine');
    });
    afterAll(() => gateway.close());

    let asked = 0;
    /** Each time in other words: a conversation that once moved up stays there. */
    const ask = async (topic: Topic, stream = true) => {
      const content = `Request ${asked++}: tell me about ${topic}`;
      const reply = await chat(gateway.url, { stream, temperature: 0, messages: [{ role: 'user', content }] });
      const header = (name: string) => reply.headers[`x-rightsize-${name}`];
      return { text: reply.text, tier: header('tier'), reason: header('reason'), config: header('config') };
    };

    test('without the table what the model says counts: 0.95 and 0.75 stay, 0.35 escalates', async () => {
      expect(await ask('iron')).toMatchObject({ tier: 'small', text: expect.stringContaining('ironsix') });
      expect(await ask('tin')).toMatchObject({ tier: 'small' });
      const unsure = await ask('chrome');
      expect(unsure).toMatchObject({ tier: 'large' });
      expect(unsure.reason).toMatch(/escalated: confidence 0\.[23]\d < 0\.60 \(probability\.p25 0\.[23]\d\)/);
    });

    test('with it the 0.75 that is right 8 times of 15 escalates, and the reason names the figure', async () => {
      const { config } = await ask('iron');
      writeFileSync(gateway.configFile, JSON.stringify(routes(at('local.confidence.json'))));
      await until(async () => (await ask('iron')).config !== config, 10_000, 'the table in force');
      const { figure } = readTable('local.confidence.json');
      for (const stream of [true, false]) {
        expect(await ask('iron', stream)).toMatchObject({ tier: 'small' });
        const unsure = await ask('tin', stream);
        expect(unsure).toMatchObject({ tier: 'large', text: expect.stringContaining(ANSWER_PIECES[0]) });
        expect(unsure.text).not.toContain('tinone');
        expect(unsure.reason).toMatch(/escalated: confidence 0\.5\d < 0\.60/);
        expect(unsure.reason).toContain(`(${figure} `);
      }
      const escalated = (await gateway.entries()).filter(({ attempts }) => attempts.length === 2);
      expect(escalated.map(({ attempts }) => attempts.map(({ outcome }) => outcome))).toEqual(
        escalated.map(() => ['escalated', 'ok']),
      );
      expect(escalated).toHaveLength(3);
    });
  });
});

const readTable = (name: string): { figure: string; auc: number } => JSON.parse(readFileSync(at(name), 'utf8'));
