import { join } from 'node:path';
import { METRICS_PORT_ABOVE } from '../../services/services.ts';
import { type StackLayout, serverPort } from './addresses.ts';
import { readDashboards, type Target, writeTargets } from './parts/prometheus.ts';
import type { Stack } from './stack.ts';
import { instancesOf, servicePort, servicesWith } from './topology.ts';

/** What Prometheus scrapes of a local stack: every instance of every process that serves measures. */
export function scrapeTargets(layout: StackLayout): Target[] {
  return servicesWith(layout.examples)
    .filter(({ name }) => name !== 'data-platform')
    .map((row) => ({
      targets: Array.from({ length: instancesOf(row, layout.instances) }, (_, index) => {
        return `127.0.0.1:${servicePort(row, index + 1, layout.portOffset) + METRICS_PORT_ABOVE}`;
      }),
      labels: { service: row.name },
    }));
}

/** Starts Prometheus on a stack. @returns its address */
export async function observe(stack: Stack): Promise<string> {
  writeTargets(join(stack.dir, 'prometheus'), scrapeTargets(stack.layout));
  await stack.part('prometheus').start();
  return `http://127.0.0.1:${serverPort(stack.layout, 'prometheus')}`;
}

/** Where to look, for people. */
export function watchLinks(prometheus: string): string {
  const pages = readDashboards().map(({ title, uid }) => [title, `${prometheus}/user/#${uid}`]);
  const rows = [...pages, ['Prometheus itself', `${prometheus}/`]];
  const lines = rows.map(([title = '', link]) => `  ${title.padEnd(22)} ${link}`);
  return `Watching it:\n\n${lines.join('\n')}`;
}
