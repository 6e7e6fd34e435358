import {
  AggregatorRegistry,
  Counter,
  Gauge,
  type MetricObjectWithValues,
  type MetricValue,
  type Registry,
} from 'prom-client';
import type { Figures } from '../cluster/messages.ts';
import type { WorkerLink } from '../cluster/worker-link.ts';

export type SharedMetrics = {
  countRequest(): void;
  /** The text for Prometheus. @throws GatewayError `report_unavailable`. */
  render(): Promise<string>;
};

/** Adds up the metrics of all workers, each by its `aggregator`, whichever of them is asked; and counts requests by worker. */
export const shareMetrics = (link: WorkerLink, registry: Registry): SharedMetrics => {
  const registers = [registry];
  const requests = new Counter({
    name: 'rightsize_worker_requests_total',
    help: 'Requests by the worker that answered them.',
    labelNames: ['worker'],
    registers,
  });
  new Gauge({ name: 'rightsize_workers', help: 'Workers that answer.', registers }).set(1);
  const labels = { worker: String(link.name.number) };
  requests.inc(labels, 0);
  link.onFiguresWanted(async () => (await registry.getMetricsAsJSON()) as unknown as Figures);
  return {
    countRequest: () => requests.inc(labels),
    async render() {
      const all = (await link.figures()) as unknown as MetricObjectWithValues<MetricValue<string>>[][];
      return AggregatorRegistry.aggregate(all).metrics();
    },
  };
};
