import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { chatBody } from '../chat-body.ts';
import { findOnPath } from './find-executable.ts';
import type { LoadReport } from './load-generator.ts';
import { outputOf } from './processes.ts';
import { API_KEY } from './servers.ts';

export type Throughput = { requestsPerSecond: number; errors: number };
export type ThroughputOptions = { url: string; connections: number; seconds: number; directory: string };

const GENERATOR = join(import.meta.dirname, 'load-generator.ts');

/** wrk where it is installed, since it takes a tenth of the processor time; else our own generator. */
export const throughputTool = (): 'wrk' | 'node' => (findOnPath('wrk') === null ? 'node' : 'wrk');

/** Requests per second that a URL answers when each of some connections always has one under way. */
export const measureThroughput = (options: ThroughputOptions): Promise<Throughput> =>
  throughputTool() === 'wrk' ? withWrk(options) : withOwnGenerator(options);

/** Latency of a URL at a constant rate of arrivals. */
export const measureLatency = (options: { url: string; rate: number; seconds: number }): Promise<LoadReport> =>
  generate(['--url', options.url, '--rate', `${options.rate}`, '--seconds', `${options.seconds}`]);

const withOwnGenerator = ({ url, connections, seconds }: ThroughputOptions): Promise<LoadReport> =>
  generate(['--url', url, '--connections', `${connections}`, '--seconds', `${seconds}`]);

const generate = async (args: string[]): Promise<LoadReport> =>
  JSON.parse(await outputOf(process.execPath, [GENERATOR, ...args])) as LoadReport;

const withWrk = async ({ url, connections, seconds, directory }: ThroughputOptions): Promise<Throughput> => {
  const script = join(directory, 'requests.lua');
  writeFileSync(script, luaScript());
  const args = ['--threads', '1', '--connections', `${connections}`, '--duration', `${seconds}s`];
  const output = await outputOf('wrk', [...args, '--timeout', '10s', '--script', script, url]);
  const numbers = (pattern: RegExp) => (pattern.exec(output)?.slice(1) ?? []).map(Number);
  const [requestsPerSecond] = numbers(/Requests\/sec:\s+([\d.]+)/);
  if (requestsPerSecond === undefined) throw new Error(`wrk printed no rate:\n${output}`);
  const socketErrors = numbers(/Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)/);
  const refusals = numbers(/Non-2xx or 3xx responses: (\d+)/);
  return { requestsPerSecond, errors: [...socketErrors, ...refusals].reduce((sum, count) => sum + count, 0) };
};

/** Alternates the two bodies and puts a number into each, of constant width, so that none comes from the cache. */
const luaScript = (): string => {
  const mark = '0000000000';
  const id = `${Date.now().toString(36)}-${mark}`;
  const bodies = [chatBody({ id }), chatBody({ id, isHard: true })].map((body) => body.split(mark));
  const [errand, task] = bodies.map(([before = '', after = '']) => `{${lua(before)}, ${lua(after)}}`);
  return `
local bodies = { ${errand}, ${task} }
local headers = { ["content-type"] = "application/json", ["authorization"] = "Bearer ${API_KEY}" }
local count = 0
function request()
  count = count + 1
  local body = bodies[count % 2 + 1]
  return wrk.format("POST", nil, headers, body[1] .. string.format("%010d", count) .. body[2])
end
`;
};

/** The texts are ASCII, where a JSON string is a Lua string. */
const lua = (text: string): string => JSON.stringify(text);
